"""What a schema allows beside an example."""

from vetika_cli.contracts.variants import variants

SCHEMA = {
    "type": "object",
    "required": ["flag", "berth"],
    "properties": {
        "flag": {"type": "string", "enum": ["khmer", "lao"]},
        "cargo": {"type": ["string", "null"], "maxLength": 3},
        "berth": {
            "type": "object",
            "properties": {"number": {"type": "integer", "minimum": 1, "maximum": 9}},
        },
        "crew": {"type": "array", "items": {"type": "string", "enum": ["cook", "mate"]}},
    },
}
EXAMPLE = {"flag": "khmer", "cargo": "tea", "berth": {"number": 4}, "crew": ["cook"]}


def test_each_variant_differs_from_the_example_in_one_point():
    """So that the message tells exactly what a reader does not bear."""
    found = dict(variants(EXAMPLE, schema=SCHEMA))
    assert found == {
        "/flag is 'lao'": {**EXAMPLE, "flag": "lao"},
        "/cargo left out": {key: value for key, value in EXAMPLE.items() if key != "cargo"},
        "/cargo is null": {**EXAMPLE, "cargo": None},
        "/cargo has 3 characters": {**EXAMPLE, "cargo": "xxx"},
        "/berth/number left out": {**EXAMPLE, "berth": {}},
        "/berth/number is 1": {**EXAMPLE, "berth": {"number": 1}},
        "/berth/number is 9": {**EXAMPLE, "berth": {"number": 9}},
        "/crew left out": {key: value for key, value in EXAMPLE.items() if key != "crew"},
        "/crew is empty": {**EXAMPLE, "crew": []},
        "/crew/0 is 'mate'": {**EXAMPLE, "crew": ["mate"]},
    }


def test_the_example_is_left_as_it_was():
    """Variants are copies."""
    before = {**EXAMPLE, "berth": dict(EXAMPLE["berth"])}
    assert list(variants(EXAMPLE, schema=SCHEMA))
    assert before == EXAMPLE
