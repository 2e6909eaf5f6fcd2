"""What registration tells everybody: organizations, seats, and, to those who may know, contacts.

The schemas are the contract. Events on the events topic carry ids and categories only; names,
addresses and numbers travel on the contacts topic alone.
"""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, validate

from registration.domain.categories import (
    CancelledBy,
    Channel,
    ForumRole,
    Gender,
    Language,
    OrganizationStatus,
    RegistrationStatus,
    StakeholderCategory,
)
from vetika_kit.events import EventSchema, publishes

_ORGANIZATION_ID: Final = "01981d2e-1a00-7b02-9c40-5d5c1e0f7a31"
_FORUM_ID: Final = "01981d2e-6f00-7c11-8a55-2f4be0c1d9a7"
_PERSON_ID: Final = "5d0f6b0e-7d3a-8c55-9d0e-3b1f6a2c4e10"
_REGISTRATION_ID: Final = "01981d30-2b00-7a40-8f6e-0c9d8e7f6a5b"


class OrganizationState(EventSchema):
    """An organization as everybody may know it; how to reach it stays with the secretariat."""

    organization_id = fields.String(required=True)
    version = fields.Integer(
        required=True,
        metadata={"description": "Rises with every change; of two events the higher one counts."},
    )
    name = fields.String(required=True)
    acronym = fields.String(required=True, allow_none=True)
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, required=True)
    status = fields.Enum(OrganizationStatus, by_value=True, required=True)


_ORGANIZATION: Final[Mapping[str, Any]] = {
    "organization_id": _ORGANIZATION_ID,
    "version": 1,
    "name": "Khmer Institute of Democracy",
    "acronym": "KID",
    "stakeholder_category": "local_ngo",
    "status": "applied",
}


@publishes("organization.applied.v1", example=_ORGANIZATION)
class OrganizationApplied(OrganizationState):
    """An organization asks to join the coalition."""


@publishes("organization.admitted.v1", example={**_ORGANIZATION, "version": 2, "status": "admitted"})
class OrganizationAdmitted(OrganizationState):
    """An organization is a member from now on."""


@publishes("organization.departed.v1", example={**_ORGANIZATION, "version": 4, "status": "departed"})
class OrganizationDeparted(OrganizationState):
    """An organization is a member no more."""


@publishes("organization.updated.v1", example={**_ORGANIZATION, "version": 3, "status": "admitted"})
class OrganizationUpdated(OrganizationState):
    """What everybody may know of an organization changed."""


class RegistrationState(EventSchema):
    """A registration as everybody may know it."""

    registration_id = fields.String(required=True)
    version = fields.Integer(
        required=True,
        metadata={"description": "Rises with every change; of two events the higher one counts."},
    )
    forum_id = fields.String(required=True, metadata={"description": "The forum's id, as meetings gave it."})
    person_id = fields.String(
        required=True,
        metadata={"description": "The same for one person in all forums; says nothing about who it is."},
    )
    reference = fields.String(
        required=True, metadata={"description": "The short code by which people speak of the registration."}
    )
    organization_id = fields.String(
        required=True, allow_none=True, metadata={"description": "A member; null: none, or no member."}
    )
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, required=True)
    gender = fields.Enum(Gender, by_value=True, required=True)
    language = fields.Enum(Language, by_value=True, required=True)
    role = fields.Enum(ForumRole, by_value=True, required=True)


_REGISTRATION: Final[Mapping[str, Any]] = {
    "registration_id": _REGISTRATION_ID,
    "version": 1,
    "forum_id": _FORUM_ID,
    "person_id": _PERSON_ID,
    "reference": "K7QM-2XPD",
    "organization_id": _ORGANIZATION_ID,
    "stakeholder_category": "local_ngo",
    "gender": "female",
    "language": "km",
    "role": "participant",
}


@publishes("registration.confirmed.v1", example=_REGISTRATION)
class RegistrationConfirmed(RegistrationState):
    """A person has a seat."""


@publishes("registration.waitlisted.v1", example={**_REGISTRATION, "waitlist_number": 17})
class RegistrationWaitlisted(RegistrationState):
    """A person waits for a seat."""

    waitlist_number = fields.Integer(
        required=True,
        validate=validate.Range(min=1),
        metadata={"description": "Given once, in order; who has a lower one stands before."},
    )


@publishes("registration.promoted.v1", example={**_REGISTRATION, "version": 2})
class RegistrationPromoted(RegistrationState):
    """A person who waited has a seat."""


@publishes(
    "registration.cancelled.v1",
    example={
        **_REGISTRATION,
        "version": 2,
        "cancelled_by": "participant",
        "previous_status": "confirmed",
    },
)
class RegistrationCancelled(RegistrationState):
    """A person's seat or place in line is given back."""

    cancelled_by = fields.Enum(CancelledBy, by_value=True, required=True)
    previous_status = fields.Enum(
        RegistrationStatus,
        by_value=True,
        required=True,
        metadata={"description": "confirmed: a seat was given back; waitlisted: a place in line."},
    )


@publishes(
    "contact.recorded.v1",
    stream="contacts",
    key="person_id",
    erased_by="contact.erased.v1",
    example={
        "person_id": _PERSON_ID,
        "version": 1803607200000,
        "family_name": "Chea",
        "given_name": "Sophea",
        "name_km": "ជា សុភា",
        "email": "sophea.chea@kid.example",
        "phone": "+85512345678",
        "language": "km",
        "channels": ["email", "sms"],
        "manage_key": "mfrggzdfmztwq2lk",
    },
)
class ContactRecorded(EventSchema):
    """How a person is reached. A record without a value (`contact.erased.v1`) erases them."""

    person_id = fields.String(required=True)
    version = fields.Integer(
        required=True,
        metadata={"description": "Milliseconds since 1970 of the change; readers ignore what is older."},
    )
    family_name = fields.String(required=True)
    given_name = fields.String(required=True)
    name_km = fields.String(
        required=True, allow_none=True, metadata={"description": "The name in Khmer script."}
    )
    email = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True, metadata={"description": "E.164."})
    language = fields.Enum(Language, by_value=True, required=True)
    channels = fields.List(fields.Enum(Channel, by_value=True), required=True)
    manage_key = fields.String(
        required=True,
        metadata={
            "description": "Opens the person's registrations. The manage link: registration's public URL, "
            "`/m/`, the registration's id as 22 characters of base64url, `/`, this key."
        },
    )


CONTACT_ERASED: Final = "contact.erased.v1"  # a tombstone has no data, so it has no schema
