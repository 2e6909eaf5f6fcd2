"""What callers send of a delivery and what they are shown."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from notifications.domain.delivery import Channel, Language, State, Template
from notifications.domain.facts import Person
from notifications.domain.masking import masked
from vetika_kit.http.fields import Timestamp
from vetika_kit.http.pages import PageQuery


class DeliverySchema(Schema):
    """One message to one person over one channel, and where it stands."""

    id = fields.String(required=True)
    state = fields.Enum(State, by_value=True, required=True)
    channel = fields.Enum(
        Channel,
        by_value=True,
        required=True,
        allow_none=True,
        metadata={"description": "Null as long as the person's contact is not known here."},
    )
    language = fields.Enum(Language, by_value=True, required=True, allow_none=True)
    template = fields.Enum(
        Template, by_value=True, required=True, metadata={"description": "What the person is told."}
    )
    person_id = fields.String(required=True)
    registration_id = fields.String(required=True)
    forum_id = fields.String(required=True)
    address = fields.String(
        required=True, allow_none=True, metadata={"description": "Masked; null when the person was erased."}
    )
    because = fields.String(
        required=True, metadata={"description": "The id of the event that the person is told about."}
    )
    attempts = fields.Integer(required=True)
    due_at = Timestamp(
        required=True,
        allow_none=True,
        metadata={"description": "Next attempt; while it is being sent, the end of the sender's lease."},
    )
    last_error = fields.String(
        required=True, allow_none=True, metadata={"description": "Code of what went wrong last."}
    )
    sms_parts = fields.Integer(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    sent_at = Timestamp(required=True, allow_none=True)
    delivered_at = Timestamp(required=True, allow_none=True)
    failed_at = Timestamp(required=True, allow_none=True)


class DeliveryQuery(PageQuery):
    """Which deliveries to list."""

    registration_id = fields.String()
    person_id = fields.String()
    forum_id = fields.String()
    state = fields.Enum(State, by_value=True)
    channel = fields.Enum(Channel, by_value=True)


class StatisticsQuery(Schema):
    """What to count."""

    forum_id = fields.String(metadata={"description": "Only this forum's; all forums without."})


class CountSchema(Schema):
    """How many deliveries are alike."""

    forum_id = fields.String(required=True)
    channel = fields.Enum(Channel, by_value=True, required=True, allow_none=True)
    language = fields.Enum(Language, by_value=True, required=True, allow_none=True)
    state = fields.Enum(State, by_value=True, required=True)
    deliveries = fields.Integer(required=True)
    sms_parts = fields.Integer(required=True, metadata={"description": "SMS that these were paid for as."})


class StatisticsSchema(Schema):
    """Deliveries by forum, channel, language and state."""

    counts = fields.List(fields.Nested(CountSchema), required=True)


class SmsStatusQuery(Schema):
    """Which attempt a report is about."""

    attempt = fields.Integer(required=True)


def present(document: Mapping[str, Any], *, person: Person | None) -> dict[str, Any]:
    """Return a delivery as it is shown."""
    channel = Channel(document["channel"]) if document["channel"] else None
    address = person.address(channel) if person and channel else None
    same = (
        "person_id",
        "registration_id",
        "forum_id",
        "because",
        "attempts",
        "due_at",
        "last_error",
        "sms_parts",
        "created_at",
        "sent_at",
        "delivered_at",
        "failed_at",
    )
    return {
        **{name: document[name] for name in same},
        "id": document["_id"],
        "state": State(document["state"]),
        "channel": channel,
        "language": Language(document["language"]) if document["language"] else None,
        "template": Template(document["template"]),
        "address": masked(address) if address else None,
    }


def present_count(count: Mapping[str, Any]) -> dict[str, Any]:
    """Return a count as it is shown."""
    return {
        **count,
        "channel": Channel(count["channel"]) if count["channel"] else None,
        "language": Language(count["language"]) if count["language"] else None,
        "state": State(count["state"]),
    }
