"""The published language: the same words for the same things, and no personal data on events topics."""

import json
import re
from collections import defaultdict
from fnmatch import fnmatch

import pytest

from vetika_kit.json_schema import data_schema, walk
from vetika_kit.topics import Stream

# A field whose name has one of these words could hold personal data.
PERSONAL = {
    "accessibility", "address", "age", "birth", "born", "comment", "contact", "description", "dietary",
    "email", "en", "family", "fax", "given", "ip", "key", "km", "mail",
    "mobile", "name", "needs", "note", "notes", "phone", "photo", "remark", "text",
    "title", "token",
}  # fmt: skip

# type/path → why it holds none. `*` stands for any steps.
PUBLIC = {
    "organization.*/name": "an organization's public name",
    "forum.*/theme/??": "what a forum is about, as it is announced",
    "forum.*/description": "what a forum is about, as it is announced",
    "forum.*/description/??": "what a forum is about, as it is announced",
    "forum.*/venue/name": "a public place",
    "forum.*/venue/name/??": "a public place",
    "forum.*/venue/address": "a public place",
    "forum.*/venue/address/??": "a public place",
    "forum.cancelled.v1/reason/??": "what everybody is told",
    "recommendation.*/title": "a coalition's public recommendation",
    "recommendation.*/title/??": "a coalition's public recommendation",
}

# Other words for what the language has a word for.
SYNONYMS = {
    "person": ("attendee", "participant", "user", "delegate"),
    "organization": ("member", "org", "organisation"),
    "forum": ("meeting", "conference"),
    "registration": ("booking", "application"),
    "stakeholder_category": ("ngo", "sector"),
    "gender": ("sex",),
    "language": ("lang", "locale"),
    "capacity": ("seats",),
    "venue": ("place", "location"),
    "email": ("mail",),
    "phone": ("tel", "mobile"),
    "…_at": ("timestamp", "created"),
    "what it is the type of": ("type",),
}

# One word, two things: said here, so that no third comes unnoticed.
HOMONYMS = {
    "status": "each aggregate has its own states",
    "previous_status": "each aggregate has its own states",
    "reason": "words for people where a forum is cancelled, a code where a delivery failed",
    "name": "text by language of a venue, plain text of an organization",
}


def published_fields(catalog, *, stream=None):
    """Yield every field of every published type: contract, path, schema."""
    for contract in catalog.contracts():
        if contract.schema is not None and stream in (None, contract.stream):
            for path, schema in walk(contract.json_schema):
                if path:
                    yield contract, path, schema


def test_no_field_of_an_events_topic_is_named_like_personal_data(catalog):
    """Ids and categories only; what sounds like more stands in the list with the reason why it is public."""
    named = {
        f"{contract.type}/{'/'.join(path)}"
        for contract, path, _ in published_fields(catalog, stream=Stream.EVENTS)
        if PERSONAL & set(re.split(r"[_-]", path[-1]))
    }
    assert sorted(one for one in named if not any(fnmatch(one, public) for public in PUBLIC)) == []
    assert [public for public in PUBLIC if not any(fnmatch(one, public) for one in named)] == [], (
        "needed no more"
    )


LOOKS_PERSONAL = {
    "an e-mail address": re.compile(r"[^\s@]+@[^\s@]+\.[a-z]+", re.IGNORECASE),
    "a phone number": re.compile(r"\+?\d[\d ]{7,}\d"),
}


@pytest.mark.parametrize("what", LOOKS_PERSONAL)
def test_no_example_on_an_events_topic_shows_a_contact(catalog, folder, what):
    """Examples are what developers copy."""
    for contract in catalog.contracts():
        if contract.stream is not Stream.EVENTS:
            continue
        for path, example in folder.examples(contract.service, contract.type):
            for text in texts(example["data"]):
                assert not LOOKS_PERSONAL[what].fullmatch(text), (path, text)


def texts(value):
    """Yield every text in a JSON value that is no id."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def test_every_type_is_a_noun_and_what_happened_to_it(catalog):
    """`noun.verb-in-past.vN`, and the noun's id is in the data."""
    for contract in catalog.contracts():
        assert re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*\.v[1-9]\d*", contract.type), contract.type
        if contract.stream is Stream.EVENTS:
            assert contract.key == f"{contract.type.partition('.')[0]}_id"


def test_a_field_of_one_name_is_the_same_thing_everywhere(catalog):
    """Same type, format and values in every service's events."""
    shapes = defaultdict(lambda: defaultdict(set))
    for contract, path, schema in published_fields(catalog):
        if path[-1] != "*":
            shapes[path[-1]][shape(schema)].add(contract.type)
    assert {
        name: dict(found) for name, found in shapes.items() if len(found) > 1 and name not in HOMONYMS
    } == {}


def shape(schema):
    """What a field is, but for its words and for whether it may be null."""
    types = schema.get("type")
    kinds = {types} if isinstance(types, str) else set(types or ())
    values = [value for value in schema.get("enum", []) if value is not None]
    return json.dumps([sorted(kinds - {"null"}), schema.get("format"), sorted(values)])


def test_a_list_of_values_has_one_name(catalog):
    """A language is called language wherever it appears."""
    names = defaultdict(set)
    for _, path, schema in published_fields(catalog):
        if "enum" in schema:
            word = path[-2].removesuffix("s") if path[-1] == "*" else path[-1]
            names[tuple(value for value in schema["enum"] if value is not None)].add(word)
    assert {values: found for values, found in names.items() if len(found - set(HOMONYMS)) > 1} == {}


def test_moments_end_in_at_and_ids_are_text(catalog):
    """One can tell from the name what a field is."""
    for contract, path, schema in published_fields(catalog):
        where = (contract.type, path)
        assert (schema.get("format") == "date-time") == path[-1].endswith("_at"), where
        assert (schema.get("format") == "date") == (path[-1] == "date" or path[-1].endswith("_date")), where
        if path[-1].endswith("_id"):
            assert "string" in schema["type"], where


def test_no_field_is_called_by_another_word_for_a_known_thing(catalog):
    """The language has one word for each thing."""
    better = {word: name for name, words in SYNONYMS.items() for word in words}
    for contract, path, _ in published_fields(catalog):
        for word in re.split(r"[_-]", path[-1]):
            assert word not in better, f"{contract.type}/{'/'.join(path)}: say {better[word]}"


def test_no_reader_waits_for_a_field_that_is_never_published(catalog):
    """A mistyped optional field would be empty for ever, and nobody would notice."""
    published = defaultdict(set)
    readers = {}
    for contract in catalog.contracts():
        for name, handler in catalog.readers(contract):
            if handler.reads is not None:
                readers[name, handler.reads.__name__] = handler.reads
                published[name, handler.reads.__name__] |= set(contract.json_schema["properties"])
    for reader, schema in readers.items():
        assert set(data_schema(schema)["properties"]) <= published[reader], reader
