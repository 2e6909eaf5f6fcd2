"""What a service tells is what it can take back: no event that it publishes is forgotten by a recovery."""

from importlib import import_module

import pytest

from vetika_cli.installation import SERVICES
from vetika_kit.events import published_by
from vetika_kit.handlers import Handlers
from vetika_kit.topics import Stream

CASES = [
    (service, type_)
    for service in SERVICES
    for type_ in sorted(published_by(import_module(f"{service}.publishes")))
]


def _handlers(service):
    recovery = import_module(f"{service}.service").SERVICE.recovery
    return Handlers.in_module(recovery.module)


@pytest.mark.parametrize(("service", "type_"), CASES, ids=[type_ for _, type_ in CASES])
def test_every_published_event_can_be_taken_back(service, type_):
    """Its own reader accepts the example that partners develop against."""
    schema = published_by(import_module(f"{service}.publishes"))[type_]
    handler = _handlers(service).find(service=service, stream=schema.stream, type_=type_)
    assert handler is not None
    handler.reads().load(schema.example)
    if schema.erased_by:
        tombstone = _handlers(service).find(service=service, stream=schema.stream, type_=schema.erased_by)
        assert tombstone is not None
        assert tombstone.reads is None


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_takes_back_its_own_events_only(service):
    """What others tell is heard again, from the restored position."""
    assert {handler.service for handler in _handlers(service).by_type.values()} == {service}


@pytest.mark.parametrize("service", SERVICES)
def test_what_cannot_come_back_is_said(service):
    """No service tells everything; each says what it keeps for itself."""
    lost = import_module(f"{service}.service").SERVICE.recovery.lost
    assert lost
    assert all(line == line.strip() and not line.endswith(".") for line in lost)


def test_contacts_are_read_before_the_registrations_that_need_them():
    """The order of the streams is the order of their names."""
    assert sorted(Stream) == [Stream.CONTACTS, Stream.EVENTS]
