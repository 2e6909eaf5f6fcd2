"""What Prometheus is shown of what waits to be sent."""

from datetime import timedelta

from prometheus_client import REGISTRY

from notifications.queue_look import queue_look
from notifications.store.queue import Queue
from vetika_kit.looks import Looks


def _waiting(channel, state):
    return REGISTRY.get_sample_value("vetika_deliveries_waiting", {"channel": channel, "state": state})


def _due(channel):
    return REGISTRY.get_sample_value("vetika_deliveries_oldest_due_seconds", {"channel": channel})


def test_what_waits_is_shown_by_channel_and_state_and_how_long_it_has_been_due(ear, service, clock):
    """Zeros too: what is missing cannot be told from what is broken."""
    looks = Looks([queue_look(Queue(database=service.database), clock=clock)])
    looks.shown()
    assert (_waiting("none", "awaiting_contact"), _waiting("sms", "queued"), _due("sms")) == (0, 0, 0)
    ear.hear(ear.registration())
    looks.shown()
    assert (_waiting("none", "awaiting_contact"), _waiting("email", "queued")) == (1, 0)
    ear.hear(ear.contact())
    ear.hear(ear.forum())
    clock.advance(timedelta(seconds=30))
    looks.shown()
    assert (_waiting("none", "awaiting_contact"), _waiting("email", "queued")) == (0, 1)
    assert (_due("email"), _due("sms")) == (30, 30)
