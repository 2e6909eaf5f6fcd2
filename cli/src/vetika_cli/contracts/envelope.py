"""The CloudEvents envelope and the Kafka headers, as schemas."""

from collections.abc import Mapping
from typing import Any, Final

from vetika_cli.contracts.catalog import Contract
from vetika_kit.cloudevents import CONTENT_TYPE

_ATTRIBUTES: Final[Mapping[str, Mapping[str, Any]]] = {
    "specversion": {"type": "string", "const": "1.0", "description": "The version of CloudEvents."},
    "id": {
        "type": "string",
        "minLength": 1,
        "description": "The event's id. It may come twice, with the same id: drop what you have handled.",
    },
    "source": {
        "type": "string",
        "pattern": "^/[a-z0-9-]+/[a-z0-9_-]+$",
        "description": "The coalition and the service that published the event.",
    },
    "type": {"type": "string", "description": "What happened: noun.verb-in-past.vN."},
    "subject": {"type": "string", "minLength": 1, "description": "The id of what it happened to."},
    "time": {"type": "string", "format": "date-time", "description": "When it happened, RFC 3339 in UTC."},
    "sequence": {
        "type": "string",
        "pattern": "^[0-9]+$",
        "description": "The place of the event among those of its subject: a whole number that grows.",
    },
    "version": {
        "type": "string",
        "pattern": "^[0-9]+$",
        "description": "The version of the record: ignore what is older than what you have.",
    },
    "traceparent": {
        "type": "string",
        "description": "The trace that the event belongs to (W3C Trace Context).",
    },
}
_OPTIONAL: Final = frozenset({"version", "traceparent"})


def event_schema() -> dict[str, Any]:
    """Return the schema of a whole event in structured mode, whatever its type."""
    properties = {name: dict(attribute) for name, attribute in _ATTRIBUTES.items()}
    properties["datacontenttype"] = {"type": "string", "const": "application/json"}
    properties["data"] = {"type": "object", "description": "What happened, by the schema of the type."}
    return {
        "title": "CloudEvent",
        "description": "CloudEvents 1.0 in structured mode: the record's value is the whole event.",
        "type": "object",
        "required": [name for name in properties if name not in _OPTIONAL],
        "properties": properties,
    }


def headers_schema() -> dict[str, Any]:
    """Return the schema of a record's headers: the attributes again, to skip by without parsing."""
    properties: dict[str, Any] = {f"ce_{name}": dict(attribute) for name, attribute in _ATTRIBUTES.items()}
    properties["content-type"] = {"type": "string", "const": CONTENT_TYPE}
    return {
        "title": "Headers",
        "description": "The event's attributes again, so that a reader can skip a record without parsing it.",
        "type": "object",
        "required": [name for name in properties if name.removeprefix("ce_") not in _OPTIONAL],
        "properties": properties,
    }


def narrowed(
    schema: Mapping[str, Any], *, required: tuple[str, ...] = (), **properties: Any
) -> dict[str, Any]:
    """Return ``schema`` with more asked of some of its properties."""
    told: dict[str, Any] = {"type": "object", "properties": properties}
    return {
        "type": "object",
        "allOf": [dict(schema), {**told, "required": list(required)} if required else told],
    }


def record_schema(contract: Contract) -> dict[str, Any]:
    """Return the schema that an example of ``contract`` must satisfy."""
    if not contract.is_tombstone:
        return narrowed(event_schema(), type={"const": contract.type}, data=contract.json_schema)
    headers = narrowed(headers_schema(), required=("ce_version",), ce_type={"const": contract.type})
    return {
        "type": "object",
        "required": ["key", "headers", "value"],
        "properties": {
            "key": {"type": "string", "minLength": 1},
            "headers": headers,
            "value": {"type": "null"},
        },
    }
