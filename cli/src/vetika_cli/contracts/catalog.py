"""What the services' code says of the events: who publishes what, and who reads it."""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAlias

from marshmallow import ValidationError

from vetika_kit.cloudevents import encode
from vetika_kit.events import Event, EventSchema, published_by
from vetika_kit.handlers import Handler, Handlers
from vetika_kit.ids import derived_id
from vetika_kit.json_schema import DIALECT, paragraph, published_schema
from vetika_kit.topics import Stream

# Examples are made for the coalition that the platform was first built for.
COALITION: Final = "dfwg"
_EXAMPLE_TIME: Final = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)

PublishedSchema: TypeAlias = type[EventSchema]


class ContractError(Exception):
    """The code declares something that cannot be a contract."""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One event type as its producer publishes it."""

    service: str
    type: str
    stream: Stream
    key: str  # the data field that is the record's key
    description: str
    schema: PublishedSchema | None  # None: a tombstone, which has no value
    json_schema: Mapping[str, Any]
    example: Mapping[str, Any]  # a whole CloudEvent; of a tombstone, the whole Kafka record

    @property
    def is_tombstone(self) -> bool:
        """Whether the record has no value and erases its key."""
        return self.schema is None


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service's side of the stream."""

    name: str
    description: str
    publishes: Sequence[Contract]
    reads: Sequence[Handler]
    undeclared: Sequence[str] = ()  # event schemas that nobody can publish


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All services' sides."""

    services: Sequence[Service]

    def contracts(self) -> Iterator[Contract]:
        """Yield every published type."""
        for service in self.services:
            yield from service.publishes

    def find(self, *, service: str, stream: Stream, type_: str) -> Contract | None:
        """Return the contract of a type that a service publishes on a stream."""
        return next(
            (
                one
                for one in self.contracts()
                if (one.service, one.stream, one.type) == (service, stream, type_)
            ),
            None,
        )

    def readers(self, contract: Contract) -> Iterator[tuple[str, Handler]]:
        """Yield who handles a type, with the service's name."""
        for service in self.services:
            for handler in service.reads:
                if (handler.service, handler.stream, handler.type) == (
                    contract.service,
                    contract.stream,
                    contract.type,
                ):
                    yield service.name, handler


def installed_services(checkout: Path) -> list[str]:
    """Return the packages of the services in a checkout that publish events."""
    return sorted(path.parent.name for path in checkout.glob("services/*/src/*/publishes.py"))


def catalog_of(names: Sequence[str]) -> Catalog:
    """Read the code of services, each by the name of its package.

    Raises:
        ContractError: A declaration breaks its own rules.
    """
    return Catalog(
        services=tuple(
            described(
                name=name,
                publishes=import_module(f"{name}.publishes"),
                consumes=_optional(f"{name}.consumes"),
            )
            for name in names
        )
    )


def described(*, name: str, publishes: ModuleType, consumes: ModuleType | None) -> Service:
    """Return one service's side as its two modules declare it.

    Raises:
        ContractError: An example breaks its own schema, or a type has no key.
    """
    declared = published_by(publishes)
    contracts: list[Contract] = []
    for type_, schema in sorted(declared.items()):
        contracts.append(_published(name, type_, schema))
        if schema.erased_by is not None:
            contracts.append(_tombstone(contracts[-1], type_=schema.erased_by))
    handlers = Handlers.in_module(consumes).by_type if consumes is not None else {}
    return Service(
        name=name,
        description=paragraph(publishes.__doc__),
        publishes=tuple(contracts),
        reads=tuple(handler for _, handler in sorted(handlers.items(), key=lambda item: item[0])),
        undeclared=tuple(_undeclared(publishes, declared=set(declared.values()))),
    )


def _published(service: str, type_: str, schema: type[EventSchema]) -> Contract:
    try:
        data = _example_data(schema)
        key = schema.key or f"{type_.partition('.')[0]}_id"
        if not isinstance(subject := data.get(key), str):
            raise ContractError(f"{type_} of {service}: the example has no text in {key!r}, its key")
        event = schema.event(subject=subject, **_native(schema, data))
    except ValidationError as error:
        raise ContractError(
            f"{type_} of {service}: the example breaks its own schema: {error.messages}"
        ) from error
    return Contract(
        service=service,
        type=type_,
        stream=schema.stream,
        key=key,
        description=paragraph(schema.__doc__),
        schema=schema,
        json_schema=published_schema(schema, type_=type_),
        example=_record(event, service=service),
    )


def _tombstone(erased: Contract, *, type_: str) -> Contract:
    description = (
        f"Erases what {erased.type} recorded under the same key. The Kafka value is null, the headers tell"
        " the rest, and a reader ignores a ce_version older than what it has."
    )
    subject = str(erased.example["subject"])
    event = Event(
        id="",
        type=type_,
        subject=subject,
        time=_EXAMPLE_TIME,
        data=None,
        stream=erased.stream,
        key=subject,
        version=2,
    )
    dialect = {"$schema": DIALECT, "$id": f"urn:vetika:event:{type_}"}
    return replace(
        erased,
        type=type_,
        description=description,
        schema=None,
        json_schema={**dialect, "title": type_, "description": description, "type": "null"},
        example=_record(event, service=erased.service),
    )


def _record(event: Event, *, service: str) -> dict[str, Any]:
    """Return an example as it would be on the wire, the same every time that it is made."""
    settled = replace(
        event,
        id=derived_id("example", event.type, json.dumps(event.data, sort_keys=True)),
        time=_EXAMPLE_TIME,
        traceparent=None,
    )
    value, headers = encode(settled, source=f"/{COALITION}/{service}", sequence=1)
    if value is None:
        return {"key": event.key, "headers": {name: text.decode() for name, text in headers}, "value": None}
    whole: dict[str, Any] = json.loads(value)
    return whole


def _example_data(schema: type[EventSchema]) -> dict[str, Any]:
    """Return the example's data as JSON; it may be declared as JSON or with Python's values."""
    instance = schema()
    errors = instance.validate(dict(schema.example))
    if not errors:
        return dict(schema.example)
    try:
        data: dict[str, Any] = instance.dump(schema.example)
    except (TypeError, ValueError, AttributeError):
        raise ValidationError(errors) from None
    return data


def _native(schema: type[EventSchema], data: Mapping[str, Any]) -> dict[str, Any]:
    loaded: dict[str, Any] = schema().load(dict(data))
    return loaded


def _undeclared(module: ModuleType, *, declared: set[type[EventSchema]]) -> Iterator[str]:
    """Yield the schemas of events that lack ``@publishes``; a base of declared ones needs none."""
    for name, member in inspect.getmembers(module, inspect.isclass):
        if not issubclass(member, EventSchema) or member is EventSchema or member in declared:
            continue
        if member.__module__ == module.__name__ and not any(issubclass(one, member) for one in declared):
            yield name


def _optional(module: str) -> ModuleType | None:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return None
