"""The steps of a forum's life: announcement, opening, closing, cancellation."""

from typing import Any

from meetings.api.refusals import refusals_as_problems
from meetings.api.schemas import CancellationSchema, ForumSchema, present
from meetings.api.services import actor, services
from meetings.store.forums import Kept
from vetika_kit.http.access import Role, access
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.idempotency import idempotent
from vetika_kit.http.preconditions import set_etag
from vetika_kit.http.problems import documented_problems

blueprint = Blueprint("forum steps", __name__, description="Steps of a forum's life")


@blueprint.route("/v1/forums/<forum_id>/announcement", methods=["POST"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@idempotent
@blueprint.response(200, ForumSchema)
@documented_problems(404, 409)
@refusals_as_problems()
def announce(forum_id: str) -> dict[str, Any]:
    """Make a forum public."""
    return _answer(services().forums.announce(forum_id, actor=actor()))


@blueprint.route("/v1/forums/<forum_id>/registration-opening", methods=["POST"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@idempotent
@blueprint.response(200, ForumSchema)
@documented_problems(404, 409)
@refusals_as_problems()
def open_registration(forum_id: str) -> dict[str, Any]:
    """Open registration now, or open it again."""
    return _answer(services().forums.open(forum_id, actor=actor()))


@blueprint.route("/v1/forums/<forum_id>/registration-closing", methods=["POST"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@idempotent
@blueprint.response(200, ForumSchema)
@documented_problems(404, 409)
@refusals_as_problems()
def close_registration(forum_id: str) -> dict[str, Any]:
    """Close registration now."""
    return _answer(services().forums.close(forum_id, actor=actor()))


@blueprint.route("/v1/forums/<forum_id>/cancellation", methods=["POST"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@idempotent
@blueprint.arguments(CancellationSchema, required=False)
@blueprint.response(200, ForumSchema)
@documented_problems(404, 409)
@refusals_as_problems()
def cancel(body: dict[str, Any], *, forum_id: str) -> dict[str, Any]:
    """Call a forum off; everybody who registered is told, with the reason.

    A draft is cancelled silently: nobody knew of it.
    """
    return _answer(services().forums.cancel(forum_id, reason=body["reason"], actor=actor()))


def _answer(after: Kept) -> dict[str, Any]:
    set_etag(after.version)
    return present(after)
