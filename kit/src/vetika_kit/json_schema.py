"""Marshmallow schemas as JSON Schema 2020-12.

The conversion is apispec's for OpenAPI 3.1, whose schema objects are JSON Schema 2020-12; this module
corrects what differs between the two and what apispec leaves out.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields, validate

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

# OpenAPI's names, and the ones that JSON Schema registers (draft 2020-12, validation §7.3).
_FORMATS: Final = {"url": "uri", "ip": None, "float": None}


def data_schema(schema: type[Schema], *, title: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema of what ``schema`` loads, nested schemas written out in place.

    ``additionalProperties: false`` never appears: a reader must not break when a field is added.
    """
    converted = _converter()(schema())
    if title is not None:
        converted["title"] = title
    if "description" not in converted and (description := paragraph(schema.__doc__)):
        converted["description"] = description
    return _ordered(_corrected(converted))


def published_schema(schema: type[Schema], *, type_: str) -> dict[str, Any]:
    """Return the JSON Schema document of a published event's ``data``."""
    return {"$schema": DIALECT, "$id": f"urn:vetika:event:{type_}", **data_schema(schema, title=type_)}


def walk(
    schema: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield every subschema of a field with the field names to it; ``*`` is any item or key."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from walk(field, (*path, name))
    for keyword in ("items", "additionalProperties"):
        if isinstance(inner := schema.get(keyword), Mapping):
            yield from walk(inner, (*path, "*"))
    for inner in schema.get("anyOf", ()):
        if inner != {"type": "null"}:
            yield from walk(inner, path)


def _converter() -> Callable[[Schema], dict[str, Any]]:
    plugin = MarshmallowPlugin(schema_name_resolver=lambda _schema: None)
    APISpec(title="contracts", version="1", openapi_version="3.1.0", plugins=[plugin])
    converter = plugin.converter
    converter.add_attribute_function(_keys_of_dict)
    converter.add_attribute_function(_description_of_nested)
    return converter.schema2jsonschema  # type: ignore[no-any-return]


def _keys_of_dict(_converter: object, field: fields.Field[Any], **_kwargs: object) -> dict[str, Any]:
    """Say which keys a mapping may have; apispec tells its values only."""
    if isinstance(field, fields.Dict) and (keys := getattr(field, "key_field", None)) is not None:
        if isinstance(keys, fields.Enum):
            return {
                "propertyNames": {
                    "enum": [member.value if keys.by_value else member.name for member in keys.enum]
                }
            }
        for rule in keys.validators:
            if isinstance(rule, validate.OneOf):
                return {"propertyNames": {"enum": list(rule.choices)}}
    return {}


def _description_of_nested(_converter: object, field: fields.Field[Any], **_kwargs: object) -> dict[str, Any]:
    """Let what a field says of itself win over what its nested schema says of every use."""
    if not isinstance(field, fields.Nested):
        return {}
    told = field.metadata.get("description") or paragraph(type(field.schema).__doc__)
    return {"description": told} if told else {}


def _corrected(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop what closes or clutters a schema, and name formats as JSON Schema does."""
    result: dict[str, Any] = {}
    for keyword, value in schema.items():
        if value is None or (keyword == "additionalProperties" and value in (True, False, {})):
            continue
        if keyword == "format":
            if (known := _FORMATS.get(value, value)) is not None:
                result[keyword] = known
        elif keyword == "example":
            result["examples"] = [value]
        elif keyword == "properties":
            result[keyword] = {name: _corrected(field) for name, field in value.items()}
        elif keyword == "anyOf":
            result[keyword] = [_corrected(one) for one in value]
        elif keyword in {"items", "additionalProperties", "propertyNames"}:
            result[keyword] = _corrected(value)
        else:
            result[keyword] = value
    if (
        "enum" in result
        and "type" not in result
        and all(isinstance(one, str | None) for one in result["enum"])
    ):
        result["type"] = ["string", "null"] if None in result["enum"] else "string"
    return result


# People read these files: what a field is comes before what limits it.
_ORDER: Final = ("title", "description", "type", "format", "enum", "required", "properties")


def _ordered(schema: dict[str, Any]) -> dict[str, Any]:
    keywords = [
        *(word for word in _ORDER if word in schema),
        *(word for word in schema if word not in _ORDER),
    ]
    result = {word: schema[word] for word in keywords}
    if "properties" in result:
        result["properties"] = {name: _ordered(field) for name, field in result["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(result.get(word), dict):
            result[word] = _ordered(result[word])
    return result


def paragraph(docstring: str | None) -> str:
    """Return a docstring as running text."""
    return " ".join((docstring or "").split())
