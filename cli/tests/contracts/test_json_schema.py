"""Marshmallow schemas as JSON Schema."""

from enum import StrEnum

import pytest
from marshmallow import EXCLUDE, Schema, fields, validate

from vetika_cli.contracts.faults import faults
from vetika_kit.json_schema import data_schema, published_schema


class Flag(StrEnum):
    """Flags of boats."""

    KHMER = "khmer"
    LAO = "lao"


class Berth(Schema):
    """Where a boat lies."""

    number = fields.Integer(required=True, validate=validate.Range(min=1))


class Boat(Schema):
    """A boat, as the quay knows it."""

    id = fields.UUID(required=True)
    flag = fields.Enum(Flag, by_value=True, required=True)
    second_flag = fields.Enum(Flag, by_value=True, allow_none=True)
    berth = fields.Nested(Berth, allow_none=True, metadata={"description": "Null while it is at sea."})
    seen = fields.List(fields.AwareDateTime(), validate=validate.Length(max=5))
    built = fields.Date()
    page = fields.URL()
    crew = fields.Dict(keys=fields.Enum(Flag, by_value=True), values=fields.Integer())
    name = fields.String(validate=validate.Length(min=1, max=80))


def test_every_rule_that_json_schema_can_say_is_said():
    """Lists, bounds, formats, null, keys and descriptions."""
    assert data_schema(Boat) == {
        "description": "A boat, as the quay knows it.",
        "type": "object",
        "required": ["flag", "id"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "flag": {"type": "string", "enum": ["khmer", "lao"]},
            "second_flag": {"type": ["string", "null"], "enum": ["khmer", "lao", None]},
            "berth": {
                "description": "Null while it is at sea.",
                "type": ["object", "null"],
                "required": ["number"],
                "properties": {"number": {"type": "integer", "minimum": 1}},
            },
            "seen": {"type": "array", "items": {"type": "string", "format": "date-time"}, "maxItems": 5},
            "built": {"type": "string", "format": "date"},
            "page": {"type": "string", "format": "uri"},
            "crew": {
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "propertyNames": {"type": "string", "enum": ["khmer", "lao"]},
            },
            "name": {"type": "string", "minLength": 1, "maxLength": 80},
        },
    }


@pytest.mark.parametrize("unknown", ["raise", EXCLUDE])
def test_a_schema_is_never_closed(unknown):
    """A reader must not break when a field is added, however strict the producer's own schema is."""
    assert "additionalProperties" not in data_schema(Boat.from_dict({"a": fields.String()}))
    assert "additionalProperties" not in data_schema(
        type("Strict", (Boat,), {"Meta": type("Meta", (), {"unknown": unknown})})
    )


def test_a_published_schema_names_its_dialect_and_itself():
    """So that a validator knows by which rules to read it."""
    schema = published_schema(Boat, type_="boat.moored.v1")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:vetika:event:boat.moored.v1"
    assert schema["title"] == "boat.moored.v1"


def test_a_date_time_without_an_offset_is_a_fault():
    """RFC 3339 asks for one; the validator alone would let any text pass."""
    schema = {"type": "string", "format": "date-time"}
    assert faults("2026-03-02T02:30:00Z", schema=schema) == []
    assert faults("2026-03-02T02:30:00", schema=schema) == ["$: '2026-03-02T02:30:00' is not a 'date-time'"]
