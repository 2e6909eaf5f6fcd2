"""What meetings tells everybody: the steps of a forum's life.

Every event carries the forum's whole public state, so that a reader needs no earlier one and the
newest version wins. A draft is not told.
"""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from meetings.domain.forum import Forum, Status
from meetings.domain.plan import MAXIMUM_CAPACITY, StakeholderCategory
from vetika_kit.events import Event, EventSchema, publishes


class Localized(Schema):
    """Text by language; at least one of the two."""

    en = fields.String(metadata={"description": "In English."})
    km = fields.String(metadata={"description": "In Khmer."})

    @validates_schema
    def _says_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Text in `en`, `km` or both is needed.")


class PublishedVenue(Schema):
    """Where people come to."""

    name = fields.Nested(Localized, required=True)
    address = fields.Nested(Localized, required=True, allow_none=True)


class PublishedSeatPolicy(Schema):
    """How the seats are shared out."""

    reserved = fields.Dict(
        keys=fields.Enum(StakeholderCategory, by_value=True),
        values=fields.Integer(validate=validate.Range(min=0)),
        required=True,
        metadata={"description": "Seats kept free, by stakeholder category."},
    )
    release_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When reserved seats that nobody took become everybody's; null: never."},
    )
    organization_limit = fields.Integer(
        required=True,
        allow_none=True,
        validate=validate.Range(min=1),
        metadata={"description": "The most seats that one organization may take; null: no limit."},
    )


class ForumState(EventSchema):
    """A forum as everybody may know it."""

    forum_id = fields.String(required=True)
    version = fields.Integer(
        required=True,
        metadata={"description": "Rises with every change; of two events the higher one counts."},
    )
    status = fields.String(
        required=True,
        # A draft is not told, so no reader has to know that there are any.
        validate=validate.OneOf([str(status) for status in Status if status is not Status.DRAFT]),
    )
    theme = fields.Nested(Localized, required=True)
    description = fields.Nested(Localized, required=True, allow_none=True)
    date = fields.Date(required=True, metadata={"description": "The forum's day in Asia/Phnom_Penh."})
    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)
    venue = fields.Nested(PublishedVenue, required=True)
    capacity = fields.Integer(
        required=True,
        validate=validate.Range(min=1, max=MAXIMUM_CAPACITY),
        metadata={"description": "Seats, the reserved ones among them."},
    )
    host_organization_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "An organization of registration's; null: the coalition itself."},
    )
    registration_opens_at = fields.AwareDateTime(required=True, allow_none=True)
    registration_closes_at = fields.AwareDateTime(required=True, allow_none=True)
    seat_policy = fields.Nested(PublishedSeatPolicy, required=True)


_EXAMPLE: Final[Mapping[str, Any]] = {
    "forum_id": "01981d2e-6f00-7c11-8a55-2f4be0c1d9a7",
    "version": 2,
    "status": "announced",
    "theme": {"en": "Decentralization and Gender", "km": "វិមជ្ឈការ និងយេនឌ័រ"},
    "description": {"en": "What commune councils learned about women's voices in planning."},
    "date": "2027-03-10",
    "starts_at": "2027-03-10T01:00:00+00:00",
    "ends_at": "2027-03-10T10:00:00+00:00",
    "venue": {
        "name": {"en": "Sunway Hotel, Phnom Penh", "km": "សណ្ឋាគារ សាន់វ៉េ ភ្នំពេញ"},
        "address": {"en": "No. 1, Street 92, Phnom Penh"},
    },
    "capacity": 200,
    "host_organization_id": "01981d2e-1a00-7b02-9c40-5d5c1e0f7a31",
    "registration_opens_at": "2027-02-08T01:00:00+00:00",
    "registration_closes_at": "2027-03-08T10:00:00+00:00",
    "seat_policy": {
        "reserved": {"local_government": 60, "cbo": 20},
        "release_at": "2027-03-03T01:00:00+00:00",
        "organization_limit": 5,
    },
}


@publishes("forum.announced.v1", example=_EXAMPLE)
class ForumAnnounced(ForumState):
    """A forum is public: its theme, day, place and seats are known."""


@publishes("forum.updated.v1", example={**_EXAMPLE, "version": 3, "capacity": 220})
class ForumUpdated(ForumState):
    """A public forum's plan changed; its status did not."""


@publishes("forum.registration-opened.v1", example={**_EXAMPLE, "version": 4, "status": "open"})
class ForumRegistrationOpened(ForumState):
    """People may register, by a hand or by the opening date."""


@publishes("forum.registration-closed.v1", example={**_EXAMPLE, "version": 5, "status": "closed"})
class ForumRegistrationClosed(ForumState):
    """Nobody may register any more, by a hand or by the closing date."""


@publishes(
    "forum.cancelled.v1",
    example={
        **_EXAMPLE,
        "version": 6,
        "status": "cancelled",
        "reason": {"en": "The river is too high to travel.", "km": "ទឹកទន្លេឡើងខ្ពស់ មិនអាចធ្វើដំណើរបាន។"},
    },
)
class ForumCancelled(ForumState):
    """The forum will not take place."""

    reason = fields.Nested(
        Localized, required=True, allow_none=True, metadata={"description": "Why, as people are told."}
    )


_STEPS: Final[Mapping[Status, type[ForumState]]] = {
    Status.ANNOUNCED: ForumAnnounced,
    Status.OPEN: ForumRegistrationOpened,
    Status.CLOSED: ForumRegistrationClosed,
    Status.CANCELLED: ForumCancelled,
}


def told(before: Forum, after: Forum, *, version: int) -> tuple[Event, ...]:
    """Return what the world is told when a forum changes: nothing, as long as it is not public.

    Args:
        before: The forum as it was.
        after: The forum as it is now.
        version: The version that it has now.
    """
    if not after.public:
        return ()
    step = ForumUpdated if before.status is after.status else _STEPS[after.status]
    plan = after.plan
    state: dict[str, Any] = {
        "forum_id": after.id,
        "version": version,
        "status": after.status,
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
    }
    if step is ForumCancelled:
        state["reason"] = after.reason
    return (step.event(subject=after.id, **state),)
