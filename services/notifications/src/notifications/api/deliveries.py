"""Deliveries: what was told to whom, and what became of it."""

from typing import Any

from notifications.api.schemas import (
    DeliveryQuery,
    DeliverySchema,
    StatisticsQuery,
    StatisticsSchema,
    present,
    present_count,
)
from notifications.api.services import services
from notifications.domain.delivery import resent
from notifications.domain.errors import RuleError
from notifications.store.deliveries import standing
from vetika_kit.http.access import Role, access
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.idempotency import idempotent
from vetika_kit.http.pages import page, page_of
from vetika_kit.http.problems import conflict, documented_problems, not_found
from vetika_kit.mongo import Document
from vetika_kit.outbox import StaleVersionError

blueprint = Blueprint("deliveries", __name__, description="Messages to people, and what became of them")


@blueprint.route("/v1/deliveries", methods=["GET"])
@access(Role.SECRETARIAT)
@blueprint.arguments(DeliveryQuery, location="query")
@blueprint.response(200, page_of(DeliverySchema))
def list_deliveries(query: dict[str, Any]) -> dict[str, Any]:
    """List deliveries, the newest first."""
    names = ("registration_id", "person_id", "forum_id", "state", "channel")
    listed = page(
        services().deliveries.collection,
        {name: query[name] for name in names if name in query},
        query=query,
        order=("created_at", -1),
        present=dict,
    )
    documents: list[Document] = listed["items"]
    people = services().contacts.several([document["person_id"] for document in documents])
    shown = [present(document, person=people.get(document["person_id"])) for document in documents]
    return {**listed, "items": shown}


@blueprint.route("/v1/deliveries/statistics", methods=["GET"])
@access(Role.SECRETARIAT)
@blueprint.arguments(StatisticsQuery, location="query")
@blueprint.response(200, StatisticsSchema)
def count_deliveries(query: dict[str, Any]) -> dict[str, Any]:
    """Count deliveries by forum, channel, language and state."""
    counts = services().deliveries.counts(forum_id=query.get("forum_id"))
    return {"counts": [present_count(count) for count in counts]}


@blueprint.route("/v1/deliveries/<delivery_id>", methods=["GET"])
@access(Role.SECRETARIAT)
@blueprint.response(200, DeliverySchema)
@documented_problems(404)
def show_delivery(delivery_id: str) -> dict[str, Any]:
    """Show a delivery."""
    return _shown(_found(delivery_id))


@blueprint.route("/v1/deliveries/<delivery_id>/resend", methods=["POST"])
@access(Role.SECRETARIAT)
@idempotent
@blueprint.response(200, DeliverySchema)
@documented_problems(404, 409)
def resend_delivery(delivery_id: str) -> dict[str, Any]:
    """Have a delivery that was sent or has failed sent again, to the address that the person has now."""
    seen = _found(delivery_id)
    try:
        step = resent(standing=standing(seen), now=services().clock.now())
        return _shown(services().deliveries.apply(seen, step))
    except RuleError as error:
        raise conflict("cannot-resend", f"It is {seen['state']}.") from error
    except StaleVersionError as error:
        raise conflict("cannot-resend", "It is being changed at this moment.") from error


def _found(delivery_id: str) -> Document:
    found = services().deliveries.get(delivery_id)
    if found is None:
        raise not_found("delivery", delivery_id)
    return found


def _shown(document: Document) -> dict[str, Any]:
    return present(document, person=services().contacts.get(document["person_id"]))
