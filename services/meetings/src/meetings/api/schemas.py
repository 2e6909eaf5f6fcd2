"""What callers send of a forum and what they are shown."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from meetings.domain.forum import Status
from meetings.domain.plan import MAXIMUM_CAPACITY, ZONE, Plan, SeatPolicy, StakeholderCategory, Venue
from meetings.store.forums import Kept
from vetika_kit.http.fields import LocalizedText, Text, Timestamp

_YEARS: Final = range(2000, 2200)
"""Years that a forum is planned in; the calendar's own ends break when they are moved to Phnom Penh."""


def _within_reach(moment: datetime) -> None:
    if moment.year not in _YEARS:
        raise ValidationError(f"Must lie in the years {_YEARS[0]} to {_YEARS[-1]}.")


class VenueSchema(Schema):
    """Where people come to."""

    name = LocalizedText(required=True, max=200)
    address = LocalizedText(load_default=None, allow_none=True, max=500, multiline=True)


class SeatPolicySchema(Schema):
    """How the seats are shared out."""

    reserved = fields.Dict(
        keys=fields.Enum(StakeholderCategory, by_value=True),
        values=fields.Integer(strict=True, validate=validate.Range(min=0, max=MAXIMUM_CAPACITY)),
        load_default=dict,
        metadata={"description": "Seats kept free, by stakeholder category."},
    )
    release_at = Timestamp(
        validate=_within_reach,
        load_default=None,
        allow_none=True,
        metadata={"description": "When reserved seats that nobody took become everybody's; null: never."},
    )
    organization_limit = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=MAXIMUM_CAPACITY),
        metadata={"description": "The most seats that one organization may take; null: no limit."},
    )


class ForumPlanSchema(Schema):
    """A forum's plan, as a secretary writes it."""

    theme = LocalizedText(required=True, max=200)
    description = LocalizedText(load_default=None, allow_none=True, max=5000, multiline=True)
    date = fields.Date(
        metadata={"description": "The forum's day in Asia/Phnom_Penh; if given, `starts_at` must lie on it."}
    )
    starts_at = Timestamp(required=True, validate=_within_reach)
    ends_at = Timestamp(required=True, validate=_within_reach)
    venue = fields.Nested(VenueSchema, required=True)
    capacity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=1, max=MAXIMUM_CAPACITY),
        metadata={"description": "Seats, the reserved ones among them."},
    )
    host_organization_id = Text(
        load_default=None,
        allow_none=True,
        max=64,
        metadata={"description": "A member organization; null: the coalition itself, by its secretariat."},
    )
    registration_opens_at = Timestamp(
        validate=_within_reach,
        load_default=None,
        allow_none=True,
        metadata={"description": "When registration opens by itself; null: only by hand."},
    )
    registration_closes_at = Timestamp(
        validate=_within_reach,
        load_default=None,
        allow_none=True,
        metadata={"description": "When registration closes by itself; null: when the forum starts."},
    )
    seat_policy = fields.Nested(SeatPolicySchema, load_default=lambda: SeatPolicySchema().load({}))

    @validates_schema
    def _starts_on_its_day(self, data: Mapping[str, Any], **_: Any) -> None:
        day, start = data.get("date"), data.get("starts_at")
        if day and start and start.astimezone(ZONE).date() != day:
            raise ValidationError("The forum starts on another day in Phnom Penh.", "date")


class ForumChangesSchema(ForumPlanSchema):
    """What is to change in a forum's plan: a field that is given replaces the old value whole."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("partial", tuple(self._declared_fields))  # by name: nested values stay whole
        super().__init__(**options)

    @validates_schema
    def _changes_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Nothing is to change.")
        if "date" in data and "starts_at" not in data:
            raise ValidationError("The day follows from `starts_at`: give that too.", "date")


class CancellationSchema(Schema):
    """Why a forum is called off."""

    reason = LocalizedText(
        load_default=None,
        allow_none=True,
        max=500,
        metadata={"description": "Told to everybody who registered."},
    )


class ForumSchema(Schema):
    """A forum."""

    id = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "As in the ETag."})
    status = fields.Enum(Status, by_value=True, required=True)
    theme = LocalizedText(required=True)
    description = LocalizedText(required=True, allow_none=True)
    date = fields.Date(required=True, metadata={"description": "The forum's day in Asia/Phnom_Penh."})
    starts_at = Timestamp(required=True)
    ends_at = Timestamp(required=True)
    venue = fields.Nested(VenueSchema, required=True)
    capacity = fields.Integer(required=True)
    host_organization_id = fields.String(required=True, allow_none=True)
    registration_opens_at = Timestamp(required=True, allow_none=True)
    registration_closes_at = Timestamp(required=True, allow_none=True)
    seat_policy = fields.Nested(SeatPolicySchema, required=True)
    reason = LocalizedText(
        required=True, allow_none=True, metadata={"description": "Why it was cancelled, if it was."}
    )


def plan_of(body: Mapping[str, Any]) -> Plan:
    """Return the plan that a request describes."""
    return Plan(**_values(body))


def revised_plan(plan: Plan, body: Mapping[str, Any]) -> Plan:
    """Return the plan with a request's changes."""
    return replace(plan, **_values(body))


def present(kept: Kept) -> dict[str, Any]:
    """Return a forum as callers are shown it."""
    forum, plan = kept.forum, kept.forum.plan
    return {
        "id": forum.id,
        "version": kept.version,
        "status": forum.status,
        "theme": plan.theme,
        "description": plan.description,
        "date": plan.date,
        "starts_at": plan.starts_at,
        "ends_at": plan.ends_at,
        "venue": plan.venue,
        "capacity": plan.capacity,
        "host_organization_id": plan.host_organization_id,
        "registration_opens_at": plan.registration_opens_at,
        "registration_closes_at": plan.registration_closes_at,
        "seat_policy": plan.seat_policy,
        "reason": forum.reason,
    }


def _values(body: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in body.items() if name != "date"}
    if "venue" in values:
        values["venue"] = Venue(**values["venue"])
    if "seat_policy" in values:
        values["seat_policy"] = SeatPolicy(**values["seat_policy"])
    return values
