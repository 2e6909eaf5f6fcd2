"""The endpoints under ``/admin``, the same on every service; role operator."""

from typing import Any

from pymongo import DESCENDING

from vetika_kit.admin import schemas
from vetika_kit.admin.audit import Audit, audited
from vetika_kit.admin.dead_letters import DeadLetterDesk, summary, whole
from vetika_kit.admin.flows import inbound, outbound
from vetika_kit.config import described
from vetika_kit.consumer_state import ConsumerState
from vetika_kit.http.access import Role, access, principal
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.context import current_runtime
from vetika_kit.http.idempotency import idempotent
from vetika_kit.http.pages import PageQuery, page, page_of
from vetika_kit.http.problems import conflict, documented_problems
from vetika_kit.topics import Topics


def admin_blueprint() -> Blueprint:
    """Make the blueprint; one for each application."""
    blueprint = Blueprint(
        "admin",
        __name__,
        url_prefix="/admin",
        description="For operators: flows, dead letters, settings, audit.",
    )
    _flows(blueprint)
    _dead_letters(blueprint)
    _records(blueprint)
    return blueprint


def _flows(blueprint: Blueprint) -> None:
    @blueprint.route("/outbox", methods=["GET"])
    @access(Role.OPERATOR)
    @blueprint.response(200, schemas.OutboxSchema)
    def show_outbox() -> dict[str, Any]:
        """Show what waits to be published, and who publishes it."""
        runtime = current_runtime()
        return outbound(runtime.database, outboxes=runtime.service.outboxes, clock=runtime.clock)

    @blueprint.route("/consumers", methods=["GET"])
    @access(Role.OPERATOR)
    @blueprint.response(200, schemas.ConsumersSchema)
    def show_consumers() -> dict[str, Any]:
        """Show how far the events of others have been handled, and whether the group is halted."""
        runtime = current_runtime()
        return inbound(runtime.database, group=_group())

    @blueprint.route("/consumers/resumption", methods=["POST"])
    @access(Role.OPERATOR)
    @idempotent
    @audited("consumers.resume")
    @blueprint.response(200, schemas.ConsumersSchema)
    @documented_problems(409)
    def resume_consumers() -> dict[str, Any]:
        """Let a group go on that had stopped itself because too many events died."""
        runtime = current_runtime()
        if not ConsumerState(runtime.database, group=_group(), clock=runtime.clock).resume():
            raise conflict("not-halted", "The group is not halted.")
        return inbound(runtime.database, group=_group())


def _dead_letters(blueprint: Blueprint) -> None:
    @blueprint.route("/dead-letters", methods=["GET"])
    @access(Role.OPERATOR)
    @blueprint.arguments(schemas.DeadLetterQuery, location="query")
    @blueprint.response(200, page_of(schemas.DeadLetterSchema))
    def list_dead_letters(query: dict[str, Any]) -> dict[str, Any]:
        """List events that could not take effect."""
        wanted = {name: query[name] for name in ("state", "type") if query[name] is not None}
        return page(_desk().collection, wanted, query=query, present=summary, projection={"value": False})

    @blueprint.route("/dead-letters/<letter_id>", methods=["GET"])
    @access(Role.OPERATOR)
    @blueprint.response(200, schemas.WholeDeadLetterSchema)
    @documented_problems(404)
    def show_dead_letter(*, letter_id: str) -> dict[str, Any]:
        """Show one whole, with headers and stack."""
        return whole(_desk().get(letter_id))

    @blueprint.route("/dead-letters/<letter_id>/replay", methods=["POST"])
    @access(Role.OPERATOR)
    @idempotent
    @audited("dead_letters.replay")
    @blueprint.response(202, schemas.DeadLetterSchema)
    @documented_problems(404, 409)
    def replay_dead_letter(*, letter_id: str) -> dict[str, Any]:
        """Have a worker handle it once more; its state tells what came of it."""
        return summary(_desk().request_replay(letter_id, by=principal().subject))

    @blueprint.route("/dead-letters/<letter_id>/discard", methods=["POST"])
    @access(Role.OPERATOR)
    @idempotent
    @audited("dead_letters.discard")
    @blueprint.response(200, schemas.DeadLetterSchema)
    @documented_problems(404, 409)
    def discard_dead_letter(*, letter_id: str) -> dict[str, Any]:
        """Decide that it shall never take effect."""
        return summary(_desk().discard(letter_id, by=principal().subject))


def _records(blueprint: Blueprint) -> None:
    @blueprint.route("/configuration", methods=["GET"])
    @access(Role.OPERATOR)
    @blueprint.response(200, schemas.ConfigurationSchema)
    def show_configuration() -> dict[str, Any]:
        """Show the settings in effect; of a secret only whether it is set."""
        runtime = current_runtime()
        return {
            "service": runtime.service.name,
            "version": runtime.service.version,
            "settings": described(runtime.config),
        }

    @blueprint.route("/audit", methods=["GET"])
    @access(Role.OPERATOR)
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(schemas.AuditEntrySchema))
    def list_audit(query: dict[str, Any]) -> dict[str, Any]:
        """List what operators did, latest first."""
        runtime = current_runtime()
        audit = Audit(runtime.database, clock=runtime.clock)
        return page(
            audit.collection,
            {},
            query=query,
            order=("_id", DESCENDING),
            present=lambda entry: {"ended_at": None, **entry, "id": entry["_id"]},
        )


def _desk() -> DeadLetterDesk:
    runtime = current_runtime()
    return DeadLetterDesk(runtime.database, clock=runtime.clock)


def _group() -> str:
    runtime = current_runtime()
    return Topics(coalition=runtime.config.coalition).group(runtime.service.name)
