"""How organizations, registrations and erasures come back from what registration told of them.

The contacts topic is read first. What it says of people gives registrations their names back, and decides
who stays forgotten: whoever has no contact there any more asked for it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import fields

from registration.domain.categories import (
    ACTIVE,
    CancelledBy,
    Channel,
    ForumRole,
    Gender,
    Language,
    OrganizationStatus,
    RegistrationStatus,
    StakeholderCategory,
)
from registration.store.erasures import Erasures
from registration.store.recount import recount
from registration.store.recovered import (
    RecoveredOrganizations,
    RecoveredPeople,
    RecoveredRegistrations,
    erased_people,
    forget_notes,
    people_with_a_name,
    touched_forums,
)
from vetika_kit.backup.recovery import Afterwards
from vetika_kit.events import ReaderSchema, Received
from vetika_kit.handlers import handles
from vetika_kit.inbox import UnitOfWork
from vetika_kit.topics import Stream

LOST: Final = (
    "of registrations since the backup: diet, accessibility, names of organizations that are no members",
    "of organizations that applied since the backup: how to reach them",
    "imports since the backup; the registrations that they made are there",
    "registrations and cancellations of the last moment that were not told of",
)


class OrganizationTold(ReaderSchema):
    """An organization as everybody knows it."""

    organization_id = fields.String(required=True)
    name = fields.String(required=True)
    acronym = fields.String(required=True, allow_none=True)
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, required=True)
    status = fields.Enum(OrganizationStatus, by_value=True, required=True)


class ContactTold(ReaderSchema):
    """How a person is reached."""

    person_id = fields.String(required=True)
    version = fields.Integer(required=True)
    family_name = fields.String(required=True)
    given_name = fields.String(required=True)
    name_km = fields.String(required=True, allow_none=True)
    email = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)
    channels = fields.List(fields.Enum(Channel, by_value=True), required=True)


class RegistrationTold(ReaderSchema):
    """A registration as everybody knows it."""

    registration_id = fields.String(required=True)
    forum_id = fields.String(required=True)
    person_id = fields.String(required=True)
    reference = fields.String(required=True)
    organization_id = fields.String(required=True, allow_none=True)
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, required=True)
    gender = fields.Enum(Gender, by_value=True, required=True)
    language = fields.Enum(Language, by_value=True, required=True)
    role = fields.Enum(ForumRole, by_value=True, required=True)
    waitlist_number = fields.Integer()
    cancelled_by = fields.Enum(CancelledBy, by_value=True)
    previous_status = fields.Enum(RegistrationStatus, by_value=True)


_STATUSES: Final = {
    "registration.confirmed.v1": RegistrationStatus.CONFIRMED,
    "registration.waitlisted.v1": RegistrationStatus.WAITLISTED,
    "registration.promoted.v1": RegistrationStatus.CONFIRMED,
    "registration.cancelled.v1": RegistrationStatus.CANCELLED,
}


def take_back(work: UnitOfWork, _config: Any) -> Mapping[str, object]:
    """Return what the functions below work with."""
    return {
        "organizations": RecoveredOrganizations(work=work),
        "people": RecoveredPeople(work=work),
        "registrations": RecoveredRegistrations(work=work),
    }


@handles("organization.applied.v1", reads=OrganizationTold, service="registration")
@handles("organization.admitted.v1", reads=OrganizationTold, service="registration")
@handles("organization.departed.v1", reads=OrganizationTold, service="registration")
@handles("organization.updated.v1", reads=OrganizationTold, service="registration")
def take_an_organization_back(event: Received, *, organizations: RecoveredOrganizations) -> None:
    """Make an organization what it was told to be."""
    told = {**event.data, **_texts(event.data, "stakeholder_category", "status")}
    if event.type != "organization.updated.v1":
        told[f"{told['status']}_at"] = event.time
    organizations.put_back(told.pop("organization_id"), told, event=event)


@handles("contact.recorded.v1", reads=ContactTold, service="registration", stream="contacts")
def note_a_contact(event: Received, *, people: RecoveredPeople) -> None:
    """Note how a person is reached, for the registrations that come back."""
    told = {**event.data, "channels": [str(channel) for channel in event.data["channels"]]}
    people.record(told.pop("person_id"), told, version=told.pop("version"))


@handles("contact.erased.v1", reads=None, service="registration", stream="contacts")
def note_an_erasure(event: Received, *, people: RecoveredPeople) -> None:
    """Note that a person asked to be forgotten."""
    version = event.version or int(event.time.timestamp() * 1000)
    # The version is the moment of the wish, by the clock that registrations are dated by.
    at = datetime.fromtimestamp(version / 1000, UTC)
    people.erase(event.key, at=at, sequence=event.sequence or 0, version=version)


@handles("registration.confirmed.v1", reads=RegistrationTold, service="registration")
@handles("registration.waitlisted.v1", reads=RegistrationTold, service="registration")
@handles("registration.promoted.v1", reads=RegistrationTold, service="registration")
@handles("registration.cancelled.v1", reads=RegistrationTold, service="registration")
def take_a_registration_back(
    event: Received,
    *,
    registrations: RecoveredRegistrations,
    organizations: RecoveredOrganizations,
    people: RecoveredPeople,
) -> None:
    """Make a registration what it was told to be; a new one gets the name that its person has."""
    told = {**event.data, **_texts(event.data, "stakeholder_category", "gender", "language", "role")}
    id_, organization_id, status = (
        told.pop("registration_id"),
        told.pop("organization_id"),
        _STATUSES[event.type],
    )
    changes: dict[str, Any] = {"status": str(status), "active": status in ACTIVE}
    if status is RegistrationStatus.WAITLISTED:
        changes["waitlist_number"] = told["waitlist_number"]
    if event.type == "registration.promoted.v1":
        changes["promoted_at"] = event.time
    if status is RegistrationStatus.CANCELLED:
        changes |= {**_texts(told, "cancelled_by", "previous_status"), "cancelled_at": event.time}
    for name in ("waitlist_number", "cancelled_by", "previous_status"):
        told.pop(name, None)
    member = None if organization_id is None else organizations.name_of(organization_id)
    noted = people.find(told["person_id"])
    registrations.put_back(
        id_,
        event=event,
        changes=changes,
        told=told,
        organization={"organization_id": organization_id, "name": member, "key": organization_id},
        person=None if noted is None else noted.get("contact"),
    )


def finish(afterwards: Afterwards) -> Mapping[str, int]:
    """Keep forgotten who asked for it, and count the seats anew."""
    database, now = afterwards.database, afterwards.clock.now()
    erasures = Erasures(database, clock=afterwards.clock)
    erased = [erasures.take_back(noted) for noted in erased_people(database)].count(True)
    on_record = afterwards.keys("registration", Stream.CONTACTS)
    if on_record is not None:
        for person in people_with_a_name(database) - on_record:
            # So long ago that compaction has taken even the tombstone.
            erasures.begin(person, now=now)
            erasures.anonymize(person, before=now, now=now)
            erased += 1
    forums = touched_forums(database)
    for forum_id in forums:
        recount(database, forum_id)
    forget_notes(database)
    counts = {"people who were erased": erased, "forums whose seats were counted anew": len(forums)}
    return {what: count for what, count in counts.items() if count}


def _texts(values: Mapping[str, Any], *names: str) -> dict[str, str]:
    """Return enumerated values as they are stored."""
    return {name: str(values[name]) for name in names}
