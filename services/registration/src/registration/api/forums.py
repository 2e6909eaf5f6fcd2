"""Forums as this service knows them: what, when, where, and how many seats are left."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from registration.api.services import services
from registration.domain.categories import ForumStatus, Gender, RegistrationStatus, StakeholderCategory
from registration.domain.statistics import summarized
from registration.store.ledger import SeatsNow
from vetika_kit.http.access import Role, access
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.fields import LocalizedText, Timestamp
from vetika_kit.http.pages import PageQuery, page, page_of
from vetika_kit.http.problems import documented_problems, not_found

blueprint = Blueprint("forums", __name__, description="Forums and their seats")


class SeatsSchema(Schema):
    """How a forum's seats stand."""

    capacity = fields.Integer(required=True)
    taken = fields.Integer(required=True)
    left = fields.Integer(
        required=True, metadata={"description": "Some may be kept free for a stakeholder category."}
    )
    waiting = fields.Integer(required=True, metadata={"description": "People in line."})


class VenueSchema(Schema):
    """Where people come to."""

    name = LocalizedText(required=True)
    address = LocalizedText(required=True, allow_none=True)


class ForumSchema(Schema):
    """A forum."""

    id = fields.String(required=True)
    status = fields.Enum(ForumStatus, by_value=True, required=True)
    theme = LocalizedText(required=True)
    description = LocalizedText(required=True, allow_none=True)
    date = fields.String(required=True, metadata={"format": "date"})
    starts_at = Timestamp(required=True)
    ends_at = Timestamp(required=True)
    venue = fields.Nested(VenueSchema, required=True)
    host_organization_id = fields.String(required=True, allow_none=True)
    registration_opens_at = Timestamp(required=True, allow_none=True)
    registration_closes_at = Timestamp(required=True, allow_none=True)
    seats = fields.Nested(SeatsSchema, required=True)


class CellSchema(Schema):
    """Registrations that agree in gender, category and status."""

    gender = fields.Enum(Gender, by_value=True, required=True)
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, required=True)
    status = fields.Enum(RegistrationStatus, by_value=True, required=True)
    count = fields.Integer(required=True)


class TotalsSchema(Schema):
    """Registrations by status."""

    confirmed = fields.Integer(required=True)
    waitlisted = fields.Integer(required=True)
    cancelled = fields.Integer(required=True)


class OrganizationCountSchema(TotalsSchema):
    """An organization's registrations by status."""

    organization_id = fields.String(required=True, allow_none=True)
    organization = fields.String(required=True, allow_none=True)


class StatisticsSchema(Schema):
    """A forum in numbers."""

    forum_id = fields.String(required=True)
    seats = fields.Nested(SeatsSchema, required=True)
    totals = fields.Nested(TotalsSchema, required=True)
    by_gender_and_category = fields.List(fields.Nested(CellSchema), required=True)
    by_organization = fields.List(fields.Nested(OrganizationCountSchema), required=True)


@blueprint.route("/v1/forums", methods=["GET"])
@access(Role.PUBLIC)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(ForumSchema))
def list_forums(query: dict[str, Any]) -> dict[str, Any]:
    """List the forums, the earliest first."""
    found = page(
        services().forums.collection,
        {},
        query=query,
        order=("starts_at", 1),
        present=lambda document: document,
    )
    seats = services().ledgers.seats_now([forum["_id"] for forum in found["items"]])
    return {**found, "items": [_presented(forum, seats.get(forum["_id"])) for forum in found["items"]]}


@blueprint.route("/v1/forums/<forum_id>", methods=["GET"])
@access(Role.PUBLIC)
@blueprint.response(200, ForumSchema)
@documented_problems(404)
def show_forum(forum_id: str) -> dict[str, Any]:
    """Show a forum with the seats that are left."""
    return _presented(_forum(forum_id), services().ledgers.seats_now([forum_id]).get(forum_id))


@blueprint.route("/v1/forums/<forum_id>/statistics", methods=["GET"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@blueprint.response(200, StatisticsSchema)
@documented_problems(404)
def show_statistics(forum_id: str) -> dict[str, Any]:
    """Count registrations by gender, stakeholder category and status together, and by organization."""
    forum = _forum(forum_id)
    seats = services().ledgers.seats_now([forum_id]).get(forum_id)
    return {
        "forum_id": forum_id,
        "seats": _seats(forum, seats),
        **summarized(services().registrations.groups(forum_id)),
    }


def _forum(forum_id: str) -> dict[str, Any]:
    found = services().forums.get(forum_id)
    if found is None:
        raise not_found("forum", forum_id)
    return found


def _presented(forum: Mapping[str, Any], seats: SeatsNow | None) -> dict[str, Any]:
    return {
        **forum,
        "id": forum["_id"],
        "status": ForumStatus(forum["status"]),
        "seats": _seats(forum, seats),
    }


def _seats(forum: Mapping[str, Any], seats: SeatsNow | None) -> dict[str, int]:
    taken = seats.taken if seats else 0
    return {
        "capacity": forum["capacity"],
        "taken": taken,
        "left": max(0, forum["capacity"] - taken),
        "waiting": seats.waiting if seats else 0,
    }
