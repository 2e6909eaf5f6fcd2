"""What notifications tells everybody: what became of each message. No address, no name, no text."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, validate

from notifications.domain.delivery import Channel, Language, State, Template
from vetika_kit.events import Event, EventSchema, publishes


class DeliveryState(EventSchema):
    """A delivery as everybody may know it."""

    delivery_id = fields.String(required=True)
    person_id = fields.String(required=True, metadata={"description": "As registration gave it."})
    registration_id = fields.String(required=True, allow_none=True)
    forum_id = fields.String(required=True)
    channel = fields.Enum(
        Channel,
        by_value=True,
        required=True,
        allow_none=True,
        metadata={"description": "Null where it failed before the person's channels were known."},
    )
    template = fields.Enum(Template, by_value=True, required=True)
    language = fields.Enum(
        Language,
        by_value=True,
        required=True,
        allow_none=True,
        metadata={"description": "Null where it failed before the person's language was known."},
    )
    attempts = fields.Integer(
        required=True, validate=validate.Range(min=0), metadata={"description": "Begun so far."}
    )
    because = fields.String(
        required=True, metadata={"description": "The id of the event that the person is told about."}
    )


_EXAMPLE: Final[Mapping[str, Any]] = {
    "delivery_id": "5b0f6c0e-7f0c-5d43-9a2f-0e2d8d4f6a11",
    "person_id": "8e1f5a62-1c1d-5d0e-b7a4-3f4b7a0c9d21",
    "registration_id": "01981d2e-7b00-7a01-8c11-9a4be0c1d9a7",
    "forum_id": "01981d2e-6f00-7c11-8a55-2f4be0c1d9a7",
    "channel": "email",
    "template": "registration_confirmed",
    "language": "km",
    "attempts": 1,
    "because": "01981d2e-7b10-7f3c-9d1f-4b2ac7e5d301",
}


@publishes("delivery.sent.v1", example=_EXAMPLE)
class DeliverySent(DeliveryState):
    """The mail server or the SMS provider took the message."""


@publishes("delivery.delivered.v1", example={**_EXAMPLE, "channel": "sms"})
class DeliveryDelivered(DeliveryState):
    """The provider says that the message reached the person."""


@publishes("delivery.failed.v1", example={**_EXAMPLE, "channel": "sms", "attempts": 3, "reason": "sms_30003"})
class DeliveryFailed(DeliveryState):
    """Nothing more is tried, unless the secretariat has it sent again."""

    reason = fields.String(
        required=True, metadata={"description": "A code: `smtp_550`, `sms_30003`, `erased`, `no_address` …"}
    )


def told(delivery: Mapping[str, Any], *, state: State, reason: str | None = None) -> Event:
    """Return the event that says that a delivery reached a state.

    Args:
        delivery: The stored delivery.
        state: The state to tell of: sent, delivered or failed.
        reason: Why it failed.
    """
    facts = {
        "delivery_id": delivery["_id"],
        "person_id": delivery["person_id"],
        "registration_id": delivery["registration_id"],
        "forum_id": delivery["forum_id"],
        "channel": Channel(delivery["channel"]) if delivery["channel"] else None,
        "template": Template(delivery["template"]),
        "language": Language(delivery["language"]) if delivery["language"] else None,
        "attempts": delivery["attempts"],
        "because": delivery["because"],
    }
    match state:
        case State.SENT:
            return DeliverySent.event(subject=delivery["_id"], **facts)
        case State.DELIVERED:
            return DeliveryDelivered.event(subject=delivery["_id"], **facts)
        case State.FAILED:
            return DeliveryFailed.event(subject=delivery["_id"], **facts, reason=reason)
        case _:
            raise ValueError(f"that a delivery is {state} is told to nobody")
