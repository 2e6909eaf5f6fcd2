"""Events: the published language.

A service declares what it publishes as marshmallow schemas in its ``publishes.py``; those schemas
are the contract. A reader declares its own tolerant schema and never imports a producer's code.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from types import ModuleType
from typing import Any, ClassVar, Final, TypeVar

import jsonschema_rs
from marshmallow import EXCLUDE, RAISE, Schema, ValidationError

from vetika_kit.clock import SystemClock
from vetika_kit.ids import new_id
from vetika_kit.json_schema import data_schema
from vetika_kit.topics import Stream
from vetika_kit.tracing import current_traceparent

_CLOCK: Final = SystemClock()
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to an aggregate, on its way out."""

    id: str
    type: str
    subject: str
    time: datetime
    data: Mapping[str, Any] | None  # None: a tombstone
    stream: Stream = Stream.EVENTS
    key: str  # orders the record: Kafka keeps records of one key in order
    version: int | None = None  # of the record, where late ones must be told from newer ones
    traceparent: str | None = None


class EventSchema(Schema):
    """Base of what is published: the schema of an event's ``data``."""

    type: ClassVar[str]
    stream: ClassVar[Stream]
    key: ClassVar[str | None]
    example: ClassVar[Mapping[str, Any]]
    erased_by: ClassVar[str | None]

    class Meta:
        """Say what is published, and nothing else."""

        unknown = RAISE

    @classmethod
    def event(cls, *, subject: str, traceparent: str | None = None, **data: Any) -> Event:
        """Make an event.

        Args:
            subject: The aggregate that it happened to.
            traceparent: Of the request that caused it, where another thread finishes that.
            data: What the schema asks for.

        Raises:
            ValidationError: The data breaks the contract; nothing may be published.
        """
        plain = {name: _plain(value) for name, value in data.items()}
        contract = _contract(cls)
        if not contract.is_valid(plain):
            # Which rule is broken and where; never the value, which may be somebody's.
            raise ValidationError(
                {
                    "/".join(map(str, fault.instance_path)) or "data": ["/".join(map(str, fault.schema_path))]
                    for fault in contract.iter_errors(plain)
                }
            )
        return Event(
            id=new_id(),
            type=cls.type,
            subject=subject,
            time=_CLOCK.now(),
            data=plain,
            stream=cls.stream,
            key=plain[cls.key] if cls.key else subject,
            version=plain.get("version"),
            traceparent=traceparent or current_traceparent(),
        )


@cache
def _contract(schema_type: type[EventSchema]) -> jsonschema_rs.Draft202012Validator:
    """Return the validator of the very JSON Schema that partners are given.

    It takes a microsecond where marshmallow takes a hundred. What the published schema leaves open
    for the future is closed here: a producer adds nothing that it has not declared.
    """
    return jsonschema_rs.Draft202012Validator(_closed(data_schema(schema_type)), validate_formats=True)


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {word: _closed(part) for word, part in schema.items()}
    if isinstance(schema.get("properties"), dict):
        parts.setdefault("additionalProperties", False)
    return parts


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it; a dataclass of the domain is what its fields are."""
    if type(value) in _PLAIN:
        return value
    for types, made_plain in _MADE_PLAIN:
        if isinstance(value, types):
            return made_plain(value)
    if is_dataclass(value):
        return {declared.name: _plain(getattr(value, declared.name)) for declared in fields(value)}
    return value


def rfc3339(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# A moment is a date too, and is looked for first.
_MADE_PLAIN: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...]] = (
    (Enum, lambda value: value.value),
    (datetime, rfc3339),
    (date, date.isoformat),
    (Mapping, lambda value: {_plain(name): _plain(part) for name, part in value.items()}),
    ((list, tuple, set, frozenset), lambda value: [_plain(part) for part in value]),
)

SchemaT = TypeVar("SchemaT", bound=type[EventSchema])


def publishes(
    type_: str,
    *,
    example: Mapping[str, Any],
    stream: str = Stream.EVENTS,
    key: str | None = None,
    erased_by: str | None = None,
) -> Callable[[SchemaT], SchemaT]:
    """Declare a schema as the contract of an event type.

    Args:
        type_: ``noun.verb-in-past.vN``.
        example: Data that satisfies the schema; partners develop against it.
        stream: ``events`` or ``contacts``.
        key: The data field that orders the record; without one, the subject.
        erased_by: The type of the tombstone that erases such a record from a compacted stream.
    """

    def declare(schema_type: SchemaT) -> SchemaT:
        schema_type.type = type_
        schema_type.example = example
        schema_type.stream = Stream(stream)
        schema_type.key = key
        schema_type.erased_by = erased_by
        return schema_type

    return declare


def tombstone(*, type_: str, subject: str, version: int, stream: str = Stream.CONTACTS) -> Event:
    """Make the record that erases a key from a compacted topic."""
    return Event(
        id=new_id(),
        type=type_,
        subject=subject,
        time=_CLOCK.now(),
        data=None,
        stream=Stream(stream),
        key=subject,
        version=version,
        traceparent=current_traceparent(),
    )


def published_by(module: ModuleType) -> dict[str, type[EventSchema]]:
    """Return the contracts that a ``publishes.py`` declares, by event type."""
    return {
        member.type: member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, EventSchema) and "type" in vars(member)
    }


class ReaderSchema(Schema):
    """Base of what a service reads of another's event: the fields it needs, tolerant of all others."""

    class Meta:
        """A producer may add fields at any time."""

        unknown = EXCLUDE


@dataclass(frozen=True, kw_only=True)
class Received:
    """An event as a handler gets it; ``data`` is what the reader's schema made of it."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: Any  # None: a tombstone
    key: str
    version: int | None = None
    sequence: int | None = None  # of the aggregate's events; each has one more than the one before
    traceparent: str | None = None
