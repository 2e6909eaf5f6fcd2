"""How forums come back from what meetings told of them: each event holds all that is public."""

from typing import Any, Final

from marshmallow import fields

from meetings.domain.forum import Forum, Status
from meetings.domain.plan import Plan, SeatPolicy, StakeholderCategory, Venue
from meetings.store.recovered import RecoveredForums
from vetika_kit.events import ReaderSchema, Received
from vetika_kit.handlers import handles

LOST: Final = ("drafts that were begun or changed since the backup: nobody was told of them",)


class LocalizedTold(fields.Dict):
    """A text by language."""

    def __init__(self, **options: Any) -> None:
        super().__init__(keys=fields.String(), values=fields.String(), **options)


class VenueTold(ReaderSchema):
    """Where people come to."""

    name = LocalizedTold(required=True)
    address = LocalizedTold(required=True, allow_none=True)


class SeatPolicyTold(ReaderSchema):
    """How the seats are shared out."""

    reserved = fields.Dict(
        keys=fields.Enum(StakeholderCategory, by_value=True), values=fields.Integer(), required=True
    )
    release_at = fields.AwareDateTime(required=True, allow_none=True)
    organization_limit = fields.Integer(required=True, allow_none=True)


class ForumTold(ReaderSchema):
    """A forum as everybody knows it."""

    forum_id = fields.String(required=True)
    status = fields.Enum(Status, by_value=True, required=True)
    theme = LocalizedTold(required=True)
    description = LocalizedTold(required=True, allow_none=True)
    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)
    venue = fields.Nested(VenueTold, required=True)
    capacity = fields.Integer(required=True)
    host_organization_id = fields.String(required=True, allow_none=True)
    registration_opens_at = fields.AwareDateTime(required=True, allow_none=True)
    registration_closes_at = fields.AwareDateTime(required=True, allow_none=True)
    seat_policy = fields.Nested(SeatPolicyTold, required=True)
    reason = LocalizedTold(load_default=None, allow_none=True)


@handles("forum.announced.v1", reads=ForumTold, service="meetings")
@handles("forum.updated.v1", reads=ForumTold, service="meetings")
@handles("forum.registration-opened.v1", reads=ForumTold, service="meetings")
@handles("forum.registration-closed.v1", reads=ForumTold, service="meetings")
@handles("forum.cancelled.v1", reads=ForumTold, service="meetings")
def take_a_forum_back(event: Received, *, forums: RecoveredForums) -> None:
    """Make a forum what it was told to be."""
    told = dict(event.data)
    forum_id, status, reason = told.pop("forum_id"), told.pop("status"), told.pop("reason")
    plan = Plan(**{**told, "venue": Venue(**told["venue"]), "seat_policy": SeatPolicy(**told["seat_policy"])})
    forums.put_back(Forum(id=forum_id, plan=plan, status=status, public=True, reason=reason), event=event)
