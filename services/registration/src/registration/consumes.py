"""What registration hears: which forums there are, and how their seats are shared out."""

from marshmallow import fields, validate

from registration.domain.categories import ForumStatus, StakeholderCategory
from registration.domain.placement import SeatPolicy
from registration.store.forums import HeardForums
from vetika_kit.events import ReaderSchema, Received
from vetika_kit.handlers import handles


class LocalizedHeard(ReaderSchema):
    """A text in the languages it was given in."""

    en = fields.String()
    km = fields.String()


class VenueHeard(ReaderSchema):
    """Where people come to."""

    name = fields.Nested(LocalizedHeard, required=True)
    address = fields.Nested(LocalizedHeard, load_default=None, allow_none=True)


class SeatPolicyHeard(ReaderSchema):
    """How seats are shared out; a category that is not known here reserves nothing."""

    reserved = fields.Dict(keys=fields.String(), values=fields.Integer(), load_default=dict)
    release_at = fields.AwareDateTime(load_default=None, allow_none=True)
    organization_limit = fields.Integer(load_default=None, allow_none=True)


class ForumHeard(ReaderSchema):
    """What registration needs to know of a forum."""

    forum_id = fields.String(required=True)
    version = fields.Integer(required=True)
    status = fields.Enum(ForumStatus, by_value=True, required=True)
    theme = fields.Nested(LocalizedHeard, required=True)
    description = fields.Nested(LocalizedHeard, load_default=None, allow_none=True)
    date = fields.Date(required=True)
    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)
    venue = fields.Nested(VenueHeard, required=True)
    capacity = fields.Integer(required=True, validate=validate.Range(min=0))
    host_organization_id = fields.String(load_default=None, allow_none=True)
    registration_opens_at = fields.AwareDateTime(load_default=None, allow_none=True)
    registration_closes_at = fields.AwareDateTime(load_default=None, allow_none=True)
    seat_policy = fields.Nested(SeatPolicyHeard, load_default=dict)


@handles("forum.announced.v1", reads=ForumHeard, service="meetings")
@handles("forum.updated.v1", reads=ForumHeard, service="meetings")
@handles("forum.registration-opened.v1", reads=ForumHeard, service="meetings")
@handles("forum.registration-closed.v1", reads=ForumHeard, service="meetings")
@handles("forum.cancelled.v1", reads=ForumHeard, service="meetings")
def learn_of_a_forum(event: Received, *, forums: HeardForums) -> None:
    """Keep the newest that is known of it, and let its seats follow."""
    heard = event.data
    shared = heard["seat_policy"]
    policy = SeatPolicy(
        capacity=heard["capacity"],
        reserved={
            StakeholderCategory(category): seats
            for category, seats in shared.get("reserved", {}).items()
            if category in set(StakeholderCategory)
        },
        release_at=shared.get("release_at"),
        organization_limit=shared.get("organization_limit"),
    )
    facts = {
        name: value for name, value in heard.items() if name not in {"forum_id", "version", "seat_policy"}
    }
    forums.learn(
        heard["forum_id"],
        version=heard["version"],
        facts={**facts, "status": str(heard["status"]), "date": heard["date"].isoformat()},
        policy=policy,
        status=heard["status"],
    )
