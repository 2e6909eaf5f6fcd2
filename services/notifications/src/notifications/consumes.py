"""What notifications hears, and what it does about it.

Every handler only writes to the database; sending is the senders' work.
"""

from typing import Any

from marshmallow import fields, validate

from notifications.domain.delivery import Channel, Language, Template
from notifications.domain.plan import Plan
from notifications.planning import Planning
from notifications.store.contacts import HeardContacts
from notifications.store.forums import HeardForums
from notifications.store.roster import ACTIVE, HeardRoster
from vetika_kit.events import ReaderSchema, Received
from vetika_kit.handlers import handles


class Texts(fields.Dict):
    """A text by language."""

    def __init__(self, **options: Any) -> None:
        super().__init__(keys=fields.String(), values=fields.String(allow_none=True), **options)


class ContactHeard(ReaderSchema):
    """What notifications needs to know of a person."""

    person_id = fields.String(required=True)
    version = fields.Integer(required=True)
    family_name = fields.String(required=True)
    given_name = fields.String(required=True)
    name_km = fields.String(load_default=None, allow_none=True)
    email = fields.String(load_default=None, allow_none=True)
    phone = fields.String(load_default=None, allow_none=True)
    # A language or a channel that this service does not know yet must not cost the person the message.
    language = fields.String(required=True)
    channels = fields.List(fields.String(), required=True)
    manage_key = fields.String(required=True)


class VenueHeard(ReaderSchema):
    """Where a forum is."""

    name = Texts(required=True)
    address = Texts(load_default=None, allow_none=True)


class ForumHeard(ReaderSchema):
    """What notifications needs to know of a forum."""

    forum_id = fields.String(required=True)
    version = fields.Integer(required=True)
    status = fields.String(required=True)
    theme = Texts(required=True)
    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)
    venue = fields.Nested(VenueHeard, required=True)
    reason = Texts(load_default=None, allow_none=True)


class RegistrationHeard(ReaderSchema):
    """What notifications needs to know of a registration."""

    registration_id = fields.String(required=True)
    version = fields.Integer(required=True)
    forum_id = fields.String(required=True)
    person_id = fields.String(required=True)
    reference = fields.String(required=True)
    role = fields.String(load_default="participant")
    waitlist_number = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(min=1))
    cancelled_by = fields.String(load_default=None, allow_none=True)
    previous_status = fields.String(load_default=None, allow_none=True)


# What each event leaves a registration as, and what the person is told about it.
_REGISTRATION_STEPS = {
    "registration.confirmed.v1": ("confirmed", Template.REGISTRATION_CONFIRMED),
    "registration.waitlisted.v1": ("waitlisted", Template.REGISTRATION_WAITLISTED),
    "registration.promoted.v1": ("confirmed", Template.REGISTRATION_PROMOTED),
    "registration.cancelled.v1": ("cancelled", Template.REGISTRATION_CANCELLED),
}


@handles("contact.recorded.v1", reads=ContactHeard, service="registration", stream="contacts")
def learn_of_a_contact(event: Received, *, contacts: HeardContacts, planning: Planning) -> None:
    """Keep the newest that is known of a person, and tell what waited for that."""
    heard = dict(event.data)
    person_id, version = heard.pop("person_id"), heard.pop("version")
    languages, channels = {*Language}, [*Channel]
    heard["language"] = heard["language"] if heard["language"] in languages else Language.EN
    heard["channels"] = [channel for channel in channels if channel in heard["channels"]]
    contacts.learn(person_id, version=version, facts=heard)
    planning.contact_came(person_id)


@handles("contact.erased.v1", reads=None, service="registration", stream="contacts")
def forget_a_contact(event: Received, *, contacts: HeardContacts, planning: Planning) -> None:
    """Forget a person, unless what is known of the person is newer than the wish to be forgotten."""
    if event.version is None:
        raise ValueError("an erasure without a version cannot be told from a late one")
    if contacts.erase(event.key, version=event.version, at=event.time):
        planning.person_erased(event.key)


@handles("forum.announced.v1", reads=ForumHeard, service="meetings")
@handles("forum.updated.v1", reads=ForumHeard, service="meetings")
@handles("forum.registration-opened.v1", reads=ForumHeard, service="meetings")
@handles("forum.registration-closed.v1", reads=ForumHeard, service="meetings")
@handles("forum.cancelled.v1", reads=ForumHeard, service="meetings")
def learn_of_a_forum(event: Received, *, forums: HeardForums, planning: Planning) -> None:
    """Keep the newest that is known of a forum, and tell what waited for that or what follows from it."""
    heard = dict(event.data)
    forum_id, version = heard.pop("forum_id"), heard.pop("version")
    before: dict[str, Any] = forums.get(forum_id) or {}
    for name in ("cancelled_because", "cancelled_at", "reason"):
        heard[name] = heard.get(name) or before.get(name)
    if event.type == "forum.cancelled.v1":
        heard["cancelled_because"], heard["cancelled_at"] = event.id, event.time
    forums.learn(forum_id, version=version, facts=heard)
    planning.forum_came(forum_id)
    known = forums.get(forum_id)
    if known is not None and known["cancelled_because"] == event.id:
        planning.forum_cancelled(known)


@handles("registration.confirmed.v1", reads=RegistrationHeard, service="registration")
@handles("registration.waitlisted.v1", reads=RegistrationHeard, service="registration")
@handles("registration.promoted.v1", reads=RegistrationHeard, service="registration")
@handles("registration.cancelled.v1", reads=RegistrationHeard, service="registration")
def learn_of_a_registration(
    event: Received, *, roster: HeardRoster, forums: HeardForums, planning: Planning
) -> None:
    """Keep where a registration stands, and tell the person."""
    heard = event.data
    status, template = _REGISTRATION_STEPS[event.type]
    registration = {
        "forum_id": heard["forum_id"],
        "person_id": heard["person_id"],
        "reference": heard["reference"],
        "role": heard["role"],
        "status": status,
    }
    roster.learn(heard["registration_id"], version=heard["version"], facts=registration)
    planning.tell(
        Plan(
            because=event.id,
            at=event.time,
            template=template,
            person_id=heard["person_id"],
            forum_id=heard["forum_id"],
            registration_id=heard["registration_id"],
            told={
                "reference": heard["reference"],
                "role": heard["role"],
                "sequence": heard["version"],
                "waitlist_number": heard["waitlist_number"],
                "cancelled_by": heard["cancelled_by"],
                "previous_status": heard["previous_status"],
                "reason": None,
            },
        )
    )
    forum = forums.get(heard["forum_id"])
    if forum is not None and forum["cancelled_because"] and status in ACTIVE:
        whole = {**registration, "_id": heard["registration_id"], "version": heard["version"]}
        planning.registration_of_cancelled(whole, forum=forum)
