"""CloudEvents in and out."""

import json

import pytest
from marshmallow import ValidationError, fields

from vetika_kit.cloudevents import UnreadableEventError, decode, encode, type_of
from vetika_kit.events import ReaderSchema, published_by, tombstone


class Name(ReaderSchema):
    """A reader that wants the name alone."""

    name = fields.String(required=True)


def test_an_event_comes_back_as_its_reader_needs_it(greeting):
    """Fields that the reader does not know are no obstacle."""
    event = greeting.event(subject="a", name="សុខា", times=1)
    value, headers = encode(event, source="/c/s", sequence=7)
    received = decode(value, headers, key="a", reads=Name)
    assert received.data == {"name": "សុខា"}
    assert (received.id, received.source, received.time) == (event.id, "/c/s", event.time)
    assert json.loads(value)["sequence"] == "7"


def test_a_tombstone_has_headers_alone():
    """Compaction needs the value to be null; who reads it learns type, subject and version from headers."""
    value, headers = encode(
        tombstone(type_="contact.erased.v1", subject="p", version=5), source="/c/s", sequence=1
    )
    assert value is None
    received = decode(value, headers, key="p", reads=None)
    assert (received.type, received.subject, received.version, received.data) == (
        "contact.erased.v1",
        "p",
        5,
        None,
    )


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b'{"type":"x"}',
        b'{"specversion":"1.0","type":"x"}',
        b'{"specversion":"1.0","type":"x","id":7}',
    ],
)
def test_what_is_no_cloud_event_is_unreadable(value):
    """Half an event, another format, or attributes of another type."""
    with pytest.raises(UnreadableEventError):
        decode(value, [], key="k", reads=Name)


def test_data_that_the_reader_cannot_use_breaks_the_contract():
    """Also where there is no data at all."""
    for data in (b"", b',"data":[]', b',"data":{"name":{"$gt":""}}'):
        value = (
            b'{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2026-01-01T00:00:00Z"'
            + data
            + b"}"
        )
        with pytest.raises(ValidationError):
            decode(value, [], key="k", reads=Name)


def test_the_type_is_known_without_parsing():
    """A header is enough; without one the body tells."""
    assert type_of(b"not JSON", [("ce_type", b"a.b.v1")]) == "a.b.v1"
    assert type_of(b'{"specversion":"1.0","type":"a.b.v1"}', []) == "a.b.v1"


def test_a_module_tells_what_it_publishes(sample, greeting):
    """Contracts are found by their declaration alone."""
    assert published_by(sample.service.publishes) == {"greeting.said.v1": greeting}
