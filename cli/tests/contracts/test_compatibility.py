"""Changes of schemas, judged one by one."""

import pytest

from vetika_cli.contracts.compatibility import Verdict, breaking, changes


def a_field(**schema):
    """A schema with one required field."""
    return {"type": "object", "required": ["field"], "properties": {"field": schema}}


VERDICTS = [
    ({"type": "string"}, {"type": "string", "description": "New words."}, None),
    ({"type": "string"}, {"type": "integer"}, Verdict.BREAKING),
    ({"type": "string"}, {"type": ["string", "null"]}, Verdict.BREAKING),
    ({"type": ["string", "null"]}, {"type": ["null", "string"]}, None),
    ({"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}, Verdict.BREAKING),
    ({"type": "string"}, {"type": "string", "pattern": "^a"}, Verdict.BREAKING),
    ({"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["b", "a"]}, Verdict.WATCH),
    ({"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["b"]}, Verdict.BREAKING),
    ({"type": "string"}, {"type": "string", "enum": ["a"]}, Verdict.BREAKING),
    ({"type": "string", "enum": ["a"]}, {"type": "string"}, Verdict.BREAKING),
    ({"type": ["string", "null"], "enum": ["a", None]}, {"type": "string", "enum": ["a"]}, Verdict.BREAKING),
    ({"type": "integer"}, {"type": "integer", "minimum": 1}, Verdict.BREAKING),
    ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 2}, Verdict.BREAKING),
    ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 0}, Verdict.WATCH),
    ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 8}, Verdict.BREAKING),
    ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 10}, Verdict.WATCH),
    ({"type": "string", "maxLength": 9}, {"type": "string"}, Verdict.WATCH),
    ({"type": "string"}, {"type": "string", "maxLength": 9}, Verdict.BREAKING),
    ({"items": {"type": "string"}}, {"items": {"type": "integer"}}, Verdict.BREAKING),
    ({"type": "array"}, {"type": "array", "items": {"type": "integer"}}, Verdict.BREAKING),
    (
        {"propertyNames": {"enum": ["a"]}, "additionalProperties": {"type": "integer"}},
        {"propertyNames": {"enum": ["a", "b"]}, "additionalProperties": {"type": "integer"}},
        Verdict.WATCH,
    ),
    (
        {"anyOf": [{"type": "object", "properties": {}}, {"type": "null"}]},
        {"type": ["object", "null"], "properties": {"new": {"type": "string"}}},
        Verdict.COMPATIBLE,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "verdict"), VERDICTS)
def test_a_change_of_a_field_has_its_verdict(old, new, verdict):
    """Words may change; what fits may not, but for lists and bounds that grow."""
    assert [change.verdict for change in changes(a_field(**old), a_field(**new))] == (
        [verdict] if verdict else []
    )


def test_a_field_deep_inside_is_named_by_its_pointer():
    """The way to the field is what a developer looks for."""
    old = a_field(
        type="object", properties={"name": {"type": "object", "properties": {"km": {"type": "string"}}}}
    )
    new = a_field(type="object", properties={"name": {"type": "object", "properties": {}}})
    assert [change.path for change in breaking(old, new)] == ["/field/name/km"]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [([], ["field"], "is required now"), (["field"], [], "may be missing now")],
)
def test_what_must_be_there_stays_as_it_is(before, after, what):
    """Old events may lack a field; old readers may ask for it."""
    properties = {"field": {"type": "string"}}
    old = {"type": "object", "required": before, "properties": properties}
    new = {"type": "object", "required": after, "properties": properties}
    assert [change.what for change in breaking(old, new)] == [what]


def test_a_new_required_field_breaks_the_replay():
    """Events already in the stream lack it."""
    new = {"type": "object", "required": ["field", "more"], "properties": {"field": {}, "more": {}}}
    assert [str(change) for change in breaking(a_field(), new)] == [
        "/more: is new and required (events already in the stream may not fit)"
    ]
