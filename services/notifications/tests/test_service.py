"""Notifications as a whole: events in from Kafka, messages out, events out to Kafka."""

import pytest
from marshmallow import ValidationError

from notifications import publishes
from notifications.domain.delivery import State
from vetika_kit.events import published_by


def test_the_examples_are_valid():
    """Partners develop against them."""
    for schema in published_by(publishes).values():
        assert schema().validate(schema.example) == {}


def test_no_event_can_carry_an_address():
    """The contract has no field for one, and refuses any other."""
    with pytest.raises(ValidationError):
        publishes.DeliverySent.event(subject="d", **publishes.DeliverySent.example, email="a@b.example")


def test_only_what_partners_count_is_told():
    """That a delivery is queued or being sent concerns nobody else."""
    with pytest.raises(ValueError, match="queued"):
        publishes.told(
            {**publishes.DeliverySent.example, "_id": "d", "registration_id": "r"}, state=State.QUEUED
        )


def test_from_kafka_to_the_mailbox_and_back_to_kafka(
    ear, service, sending, deliveries, mail_server, sms_provider, eventually
):
    """Three topics in, one mail and one SMS out, two events out; the contact's tombstone ends it."""

    def tell(event, service_name, stream="events"):
        service.hear(
            event.type,
            event.data,
            service=service_name,
            subject=event.subject,
            stream=stream,
            version=event.version,
        )

    with service.with_topics(), service.running("worker", "relay"), sending():
        tell(ear.registration(), "registration")
        tell(ear.contact(), "registration", "contacts")
        tell(ear.forum(), "meetings")
        eventually(lambda: deliveries.count_documents({"state": "sent"}) == 2, seconds=40)
        assert len(mail_server.messages) == len(sms_provider.taken) == 1
        told = eventually(lambda: (events := service.published()) and len(events) == 2 and events, seconds=20)
        tell(ear.erasure(), "registration", "contacts")
        eventually(lambda: service.database["contacts"].count_documents({"erased_at": {"$exists": True}}))
    assert {event["type"] for event in told} == {"delivery.sent.v1"}
    contract = published_by(publishes)["delivery.sent.v1"]()
    assert [contract.validate(event["data"]) for event in told] == [{}, {}]
    assert "cambodia.example" not in str(told)
