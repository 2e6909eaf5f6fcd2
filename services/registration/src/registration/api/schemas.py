"""What callers send of registrations and what they are shown."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from registration.api.fields import EmailAddress, Name, PhoneNumber
from registration.domain.applications import (
    OrganizationChoice,
    Person,
    RegistrationForm,
    channels_without_address,
    usual_channels,
)
from registration.domain.categories import (
    CancelledBy,
    Channel,
    ForumRole,
    Gender,
    Language,
    RegistrationStatus,
    StakeholderCategory,
)
from vetika_kit.http.fields import Text, Timestamp


class ApplicationSchema(Schema):
    """An application for a seat. An e-mail address or a telephone number is needed; both are better."""

    family_name = Name(1, 100, required=True)
    given_name = Name(1, 100, required=True)
    name_km = Name(
        1,
        200,
        load_default=None,
        allow_none=True,
        metadata={"description": "The name in Khmer script.", "examples": ["ជា សុភា"]},
    )
    gender = fields.Enum(Gender, by_value=True, required=True)
    email = EmailAddress(load_default=None, allow_none=True)
    phone = PhoneNumber(load_default=None, allow_none=True)
    language = fields.Enum(
        Language,
        by_value=True,
        required=True,
        metadata={"description": "In which the person is told things."},
    )
    channels = fields.List(
        fields.Enum(Channel, by_value=True),
        load_default=(),
        validate=validate.Length(max=len(Channel)),
        metadata={"description": "On which the person is told things; left out: on all that are given."},
    )
    organization_id = Text(
        1, 64, load_default=None, allow_none=True, metadata={"description": "A member organization."}
    )
    organization = Name(
        1,
        200,
        load_default=None,
        allow_none=True,
        metadata={"description": "The organization's name; a member's name or acronym is recognized."},
    )
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, required=True)
    role = fields.Enum(ForumRole, by_value=True, load_default=ForumRole.PARTICIPANT)
    dietary = Text(1, 500, load_default=None, allow_none=True)
    accessibility = Text(1, 500, load_default=None, allow_none=True)

    @validates_schema
    def _is_reachable(self, data: Mapping[str, Any], **_: Any) -> None:
        email, phone = data.get("email"), data.get("phone")
        if email is None and phone is None:
            raise ValidationError("An e-mail address or a telephone number is needed.", "email")
        channels = tuple(data.get("channels", ()))
        if channels_without_address(channels, email=email, phone=phone):
            raise ValidationError("A channel is chosen whose address is missing.", "channels")

    @post_load
    def _form(self, data: dict[str, Any], **_: Any) -> RegistrationForm:
        channels = tuple(dict.fromkeys(data["channels"]))
        person = Person(
            family_name=data["family_name"],
            given_name=data["given_name"],
            name_km=data["name_km"],
            gender=data["gender"],
            email=data["email"],
            phone=data["phone"],
            language=data["language"],
            channels=channels or usual_channels(email=data["email"], phone=data["phone"]),
            dietary=data["dietary"],
            accessibility=data["accessibility"],
        )
        return RegistrationForm(
            person=person,
            organization=OrganizationChoice(
                organization_id=data["organization_id"], name=data["organization"]
            ),
            stakeholder_category=data["stakeholder_category"],
            role=data["role"],
        )


class ReceiptSchema(Schema):
    """What became of a registration, without saying whose it is."""

    id = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "As in the ETag."})
    forum_id = fields.String(required=True)
    reference = fields.String(
        required=True, metadata={"description": "The short code by which people speak of it."}
    )
    status = fields.Enum(RegistrationStatus, by_value=True, required=True)
    waitlist_number = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Given once, in order."}
    )
    place_in_line = fields.Integer(
        required=True, allow_none=True, metadata={"description": "From 1; null for who does not wait."}
    )
    registered_at = Timestamp(required=True)
    cancelled_at = Timestamp(required=True, allow_none=True)


class PersonSchema(Schema):
    """Who registered."""

    family_name = fields.String(required=True)
    given_name = fields.String(required=True)
    name_km = fields.String(required=True, allow_none=True)
    email = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)
    channels = fields.List(fields.Enum(Channel, by_value=True), required=True)
    dietary = fields.String(required=True, allow_none=True)
    accessibility = fields.String(required=True, allow_none=True)


class RegistrationSchema(ReceiptSchema):
    """A registration, as its owner and the secretariat see it."""

    person_id = fields.String(required=True)
    person = fields.Nested(
        PersonSchema, required=True, allow_none=True, metadata={"description": "Null once erased."}
    )
    gender = fields.Enum(Gender, by_value=True, required=True)
    language = fields.Enum(Language, by_value=True, required=True)
    organization_id = fields.String(required=True, allow_none=True)
    organization = fields.String(required=True, allow_none=True)
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, required=True)
    role = fields.Enum(ForumRole, by_value=True, required=True)
    cancelled_by = fields.Enum(CancelledBy, by_value=True, required=True, allow_none=True)


def receipt(document: Mapping[str, Any], *, place: int | None) -> dict[str, Any]:
    """Return what `ReceiptSchema` shows."""
    return {
        "id": document["_id"],
        "version": document["version"],
        "forum_id": document["forum_id"],
        "reference": document["reference"],
        "status": RegistrationStatus(document["status"]),
        "waitlist_number": document["waitlist_number"],
        "place_in_line": place,
        "registered_at": document["registered_at"],
        "cancelled_at": document.get("cancelled_at"),
    }


def first_receipt(document: Mapping[str, Any], *, place: int | None) -> dict[str, Any]:
    """Return the receipt as it was given when the registration was made, whatever became of it since."""
    waitlisted = document["waitlist_number"] is not None
    status = RegistrationStatus.WAITLISTED if waitlisted else RegistrationStatus.CONFIRMED
    as_it_was = {**document, "version": 1, "status": status, "cancelled_at": None}
    return receipt(as_it_was, place=place)


def presented(document: Mapping[str, Any], *, place: int | None) -> dict[str, Any]:
    """Return what `RegistrationSchema` shows."""
    person = document["person"]
    by = document.get("cancelled_by")
    return {
        **receipt(document, place=place),
        "person_id": document["person_id"],
        "person": person and {**person, "channels": [Channel(channel) for channel in person["channels"]]},
        "gender": Gender(document["gender"]),
        "language": Language(document["language"]),
        "organization_id": document["organization"]["organization_id"],
        "organization": document["organization"]["name"],
        "stakeholder_category": StakeholderCategory(document["stakeholder_category"]),
        "role": ForumRole(document["role"]),
        "cancelled_by": by and CancelledBy(by),
    }
