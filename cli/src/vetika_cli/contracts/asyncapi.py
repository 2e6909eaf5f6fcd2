"""AsyncAPI 3.0 documents: each service's own view of the stream (https://www.asyncapi.com/docs/reference/specification/v3.0.0).

``send`` is what the service publishes, with the schemas of the contract. ``receive`` is what it reads, with
its own reader's schemas: so a producer sees in one place which of its fields somebody depends on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from vetika_cli.contracts.catalog import COALITION, Catalog, Contract, Service
from vetika_cli.contracts.envelope import event_schema, headers_schema, narrowed
from vetika_kit.cloudevents import CONTENT_TYPE
from vetika_kit.events import ReaderSchema
from vetika_kit.handlers import Handler
from vetika_kit.json_schema import data_schema, paragraph
from vetika_kit.topics import Stream, Topics

_BINDING: Final = "0.5.0"  # https://github.com/asyncapi/bindings/tree/master/kafka
_TOPICS: Final = Topics(coalition="{coalition}")
_Channel: TypeAlias = tuple[str, Stream]
DeclaredT = TypeVar("DeclaredT", Contract, Handler)
_PARTNERS: Final = {
    Stream.EVENTS: "Partners may read it. No personal data: ids and categories only.",
    Stream.CONTACTS: "Closed to partners: it holds names, addresses and numbers. Null erases a key.",
}


def document(service: Service, *, catalog: Catalog) -> dict[str, Any]:
    """Return a service's AsyncAPI document."""
    sent = _by_channel(service.publishes)
    known = {
        handler: contract
        for handler in service.reads
        if (contract := catalog.find(service=handler.service, stream=handler.stream, type_=handler.type))
    }
    received = _by_channel(known)
    channels = {
        _channel_id(owner, stream): _channel(
            owner, stream, types=_types((owner, stream), sent=sent, received=received)
        )
        for owner, stream in sorted({*sent, *received})
    }
    operations: dict[str, Any] = {}
    for (owner, stream), contracts in sorted(sent.items()):
        channel = _channel_id(owner, stream)
        operations[f"send-{channel}"] = _operation(
            "send", channel, types=[one.type for one in contracts], summary=f"What {service.name} publishes."
        )
    for (owner, stream), handlers in sorted(received.items()):
        channel = _channel_id(owner, stream)
        operations[f"receive-{channel}"] = _operation(
            "receive",
            channel,
            types=[one.type for one in handlers],
            summary=f"What {service.name} reads of {owner}. Events of other types on the topic are skipped.",
            group=_TOPICS.group(service.name),
        )
    messages = {
        **{one.type: _received_message(one, handler, reader=service.name) for handler, one in known.items()},
        **{one.type: _sent_message(one) for one in service.publishes},
    }
    schemas = {
        "CloudEvent": event_schema(),
        "Headers": headers_schema(),
        **{
            handler.reads.__name__: _reader_schema(handler.reads)
            for handler in known
            if handler.reads is not None
        },
        **{one.type: _data_schema(one) for one in service.publishes if not one.is_tombstone},
    }
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:vetika:{service.name}",
        "info": {
            "title": f"Vetika: the events of {service.name}",
            "version": "1.0.0",
            "description": service.description,
            "tags": [{"name": service.name}],
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": _servers(),
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": dict(sorted(messages.items())),
            "schemas": dict(sorted(schemas.items())),
            "parameters": {
                "coalition": {
                    "description": "The coalition's short name; it prefixes topics and consumer groups.",
                    "default": COALITION,
                    "examples": [COALITION],
                }
            },
            "securitySchemes": {
                "sasl": {
                    "type": "scramSha512",
                    "description": "A principal per service and per partner, by TLS only.",
                }
            },
        },
    }


def _servers() -> dict[str, Any]:
    return {
        "embedded": {
            "host": "127.0.0.1:19092",
            "protocol": "kafka",
            "description": "What `./vetika up` starts: this machine only, no sign-in.",
        },
        "hosted": {
            "host": "{bootstrap}",
            "protocol": "kafka-secure",
            "description": "A cluster shared by organizations.",
            "variables": {
                "bootstrap": {"description": "host:port of a broker, as the host of the cluster names it."}
            },
            "security": [{"$ref": "#/components/securitySchemes/sasl"}],
        },
    }


def _channel_id(owner: str, stream: Stream) -> str:
    return f"{owner}-{stream}"


def _channel(owner: str, stream: Stream, *, types: Iterable[str]) -> dict[str, Any]:
    spec = _TOPICS.spec(owner, stream)
    return {
        "address": spec.name,
        "title": f"{owner.capitalize()}: {stream}",
        "description": _PARTNERS[stream],
        "parameters": {"coalition": {"$ref": "#/components/parameters/coalition"}},
        "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in sorted(set(types))},
        "bindings": {
            "kafka": {
                "partitions": spec.partitions,
                "topicConfiguration": topic_configuration(spec.settings()),
                "bindingVersion": _BINDING,
            }
        },
    }


def topic_configuration(settings: Mapping[str, str]) -> dict[str, Any]:
    """Return a topic's settings with the types that the Kafka binding gives them."""
    return {
        name: value.split(",") if name == "cleanup.policy" else int(value)
        for name, value in sorted(settings.items())
    }


def _operation(
    action: str, channel: str, *, types: Iterable[str], summary: str, group: str | None = None
) -> dict[str, Any]:
    kafka: dict[str, Any] = {"bindingVersion": _BINDING}
    if group is not None:
        kafka = {"groupId": {"type": "string", "examples": [group.format(coalition=COALITION)]}, **kafka}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{type_}"} for type_ in sorted(set(types))],
        "bindings": {"kafka": kafka},
    }


def _sent_message(contract: Contract) -> dict[str, Any]:
    return _message(contract, data=contract.type, summary=contract.description)


def _received_message(contract: Contract, handler: Handler, *, reader: str) -> dict[str, Any]:
    return _message(
        contract,
        data=handler.reads.__name__ if handler.reads is not None else "",
        summary=paragraph(handler.function.__doc__) or contract.description,
        description=f"Only what {reader} reads; the whole contract is {contract.service}/{contract.type}.",
    )


def _message(
    contract: Contract, *, data: str, summary: str, description: str | None = None
) -> dict[str, Any]:
    """Describe a record; ``data`` names the schema of its data among the components."""
    named: dict[str, Any] = {"name": contract.type, "title": contract.type, "summary": summary}
    if description is not None:
        named["description"] = description
    key = {"type": "string", "description": f"`{contract.key}`: Kafka keeps the records of one key in order."}
    wire = {
        "contentType": CONTENT_TYPE,
        "headers": narrowed(_schema("Headers"), ce_type={"const": contract.type}),
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
    }
    if contract.is_tombstone:
        return {**named, **wire, "payload": {"type": "null"}}
    payload = narrowed(_schema("CloudEvent"), type={"const": contract.type}, data=_schema(data))
    return {
        **named,
        **wire,
        "payload": payload,
        "examples": [{"name": "example", "payload": dict(contract.example)}],
    }


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _data_schema(contract: Contract) -> dict[str, Any]:
    return {word: value for word, value in contract.json_schema.items() if word not in {"$schema", "$id"}}


def _reader_schema(reads: type[ReaderSchema]) -> dict[str, Any]:
    return data_schema(reads, title=reads.__name__)


def _by_channel(declared: Iterable[DeclaredT]) -> dict[_Channel, list[DeclaredT]]:
    channels: dict[_Channel, list[DeclaredT]] = {}
    for one in declared:
        channels.setdefault((one.service, one.stream), []).append(one)
    return channels


def _types(
    channel: _Channel,
    *,
    sent: Mapping[_Channel, Sequence[Contract]],
    received: Mapping[_Channel, Sequence[Handler]],
) -> list[str]:
    return [*(one.type for one in sent.get(channel, ())), *(one.type for one in received.get(channel, ()))]
