"""The check, on code that changes as developers change it."""

import json

import pytest


def test_written_contracts_hold(written, capsys):
    """What was just written passes, and the summary counts what was compared."""
    assert written.run("--check") == 0
    assert "The contracts hold: 2 services, 3 types, 2 readings." in capsys.readouterr().out


def test_writing_twice_changes_nothing(written, capsys):
    """The files are the same every time, so that a difference is a change of the code."""
    capsys.readouterr()
    assert written.run() == 0
    assert capsys.readouterr().out == "Nothing has changed.\n"
    assert written.git("status", "--porcelain") == ""


def test_an_event_without_written_contract_is_found(checkout, refusal):
    """A type that is in the code alone fails, with the command that helps."""
    told = refusal(checkout)
    assert "sample_quay/boat.moored.v1/schema.json: is missing: run `./vetika contracts`" in told
    assert "sample_quay/boat.moored.v1/examples/001.json: the code's example is not written down" in told


def test_a_new_optional_field_is_let_through_once_written(written, capsys):
    """Readers ignore what they do not know."""
    written.edit("sample_quay", "publishes", "    berth =", "    draught = fields.Integer()\n    berth =")
    assert written.run("--check") == 1
    assert written.run() == 0
    assert written.run("--check") == 0
    assert "note: sample_quay/boat.moored.v1: /draught: is new and optional" in capsys.readouterr().out


BREAKING_EDITS = {
    "removed": ("    berth = fields.String()\n", "", "/berth: is gone"),
    "renamed": ("    berth = ", "    place = ", "/berth: is gone (renamed to place?)"),
    "retyped": (
        "berth = fields.String()",
        "berth = fields.Integer()",
        "/berth: type 'string' became 'integer'",
    ),
    "required": (
        "berth = fields.String()",
        "berth = fields.String(required=True)",
        "/berth: is required now",
    ),
    "value gone": ('["khmer", "lao"]', '["khmer"]', "/flag: value 'lao' is gone"),
    "narrowed": ("max=99", "max=50", "/length: maximum 99 became 50"),
    "shortened": ("Length(max=40)", "Length(max=10)", "/cargo: maxLength 40 became 10"),
    "null refused": ("required=True, allow_none=True,", "required=True,", "/cargo: null is refused now"),
}


@pytest.mark.parametrize("name", BREAKING_EDITS)
def test_a_change_that_breaks_readers_or_the_replay_is_refused_and_never_written(written, refusal, name):
    """The check and the command that writes both refuse it, and say what to do instead."""
    old, new, told = BREAKING_EDITS[name]
    if name in {"required", "null refused"}:
        written.edit("sample_quay", "publishes", '"cargo": None', '"cargo": "rice", "berth": "B2"')
    written.edit("sample_quay", "publishes", old, new)
    refused = refusal(written)
    assert told in refused
    assert "publish boat.moored.v2 beside it instead" in refused
    assert written.run() == 1
    assert written.git("status", "--porcelain", "contracts") == ""


def test_a_type_that_is_gone_from_the_code_is_refused_once_it_is_published(written, refusal):
    """Its events stay in the stream for as long as the topic keeps them."""
    written.edit("sample_quay", "publishes", '"boat.moored.v1"', '"boat.berthed.v1"')
    assert "sample_quay/boat.moored.v1: is published and gone from the code" in refusal(written)


def test_what_is_not_published_yet_may_change_at_will(checkout):
    """Before the first landing, a rename is no break: the schema and the example are written anew."""
    assert checkout.run() == 0
    checkout.edit("sample_quay", "publishes", '"length": 12', '"metres": 12')
    checkout.edit("sample_quay", "publishes", "    length =", "    metres =")
    checkout.edit("sample_toll", "consumes", "    length =", "    metres =")
    assert checkout.run() == 0
    assert checkout.run("--check") == 0
    examples = list((checkout.contracts / "sample_quay/boat.moored.v1/examples").iterdir())
    assert [path.name for path in examples] == ["001.json"]


def test_a_changed_example_is_added_and_the_old_one_stays(written):
    """Every example ever published is kept, under the number that it had."""
    written.edit("sample_quay", "publishes", '"flag": "khmer"', '"flag": "lao"')
    assert written.run() == 0
    folder = written.contracts / "sample_quay/boat.moored.v1/examples"
    flags = {path.name: json.loads(path.read_text())["data"]["flag"] for path in folder.iterdir()}
    assert flags == {"001.json": "khmer", "002.json": "lao"}
    assert written.run("--check") == 0


def test_a_deleted_example_is_missed(written, refusal):
    """Examples are only added."""
    (written.contracts / "sample_quay/boat.moored.v1/examples/001.json").unlink()
    assert "examples/001.json: is deleted; examples are only added: put it back" in refusal(written)


def test_an_old_example_that_is_no_longer_valid_is_found(written, refusal):
    """A rule between fields leaves no trace in the JSON Schema; marshmallow still judges the examples."""
    rule = """
    @validates_schema
    def _short(self, data, **_):
        if data["length"] > 10:
            raise ValidationError("is too long", "length")
"""
    written.edit(
        "sample_quay",
        "publishes",
        "import fields, validate",
        "import fields, validate, validates_schema, ValidationError",
    )
    written.edit("sample_quay", "publishes", '"length": 12', '"length": 9')
    written.edit(
        "sample_quay", "publishes", "    berth = fields.String()\n", f"    berth = fields.String()\n{rule}"
    )
    assert "examples/001.json: is no longer valid: length: ['is too long']" in refusal(written)


def test_a_new_value_in_a_list_is_tried_on_every_reader(written, refusal, capsys):
    """It may be added as soon as every reader here loads it: consumers roll out first."""
    written.edit("sample_quay", "publishes", '["khmer", "lao"]', '["khmer", "lao", "thai"]')
    assert written.run() == 0
    assert written.run("--check") == 0
    assert "note: sample_quay/boat.moored.v1: /flag: value 'thai' is new" in capsys.readouterr().out
    strict = 'flag = fields.String(required=True, validate=validate.OneOf(["khmer", "lao"]))'
    written.edit("sample_toll", "consumes", "flag = fields.String(required=True)", strict)
    told = refusal(written)
    assert "sample_toll reads sample_quay/boat.moored.v1: BoatHeard does not load" in told
    assert "where /flag is 'thai'" in told


def test_a_reader_that_asks_for_an_optional_field_is_found(written, refusal):
    """It would dead-letter the events that lack it."""
    reader = "    boat_id = fields.String(required=True)\n"
    written.edit("sample_toll", "consumes", reader, f"{reader}    berth = fields.String(required=True)\n")
    assert "BoatHeard does not load 001.json" in refusal(written)


def test_a_reader_that_refuses_null_is_found(written, refusal):
    """What may be null, will be."""
    written.edit("sample_quay", "publishes", '"cargo": None', '"cargo": "rice"')
    written.edit("sample_toll", "consumes", "load_default=None, allow_none=True", 'load_default=""')
    assert "where /cargo is null" in refusal(written)


def test_a_handled_type_without_a_producer_is_found(written, refusal):
    """A mistyped type would be waited for in vain."""
    written.edit("sample_toll", "consumes", '"boat.moored.v1"', '"boat.mored.v1"')
    told = refusal(written)
    assert "sample_toll: handles boat.mored.v1 of sample_quay (events), which nobody publishes" in told


def test_a_tombstone_read_as_an_event_is_found(written, refusal):
    """A tombstone has no data to load."""
    written.edit(
        "sample_toll", "consumes", '"captain.erased.v1", reads=None', '"captain.erased.v1", reads=BoatHeard'
    )
    assert "handles captain.erased.v1, which is a tombstone, as the other" in refusal(written)


def test_an_event_schema_that_nobody_can_publish_is_found(written, refusal):
    """The decorator is easily forgotten."""
    path = written.source("sample_quay", "publishes")
    path.write_text(
        f"{path.read_text()}\n\nclass BoatSank(EventSchema):\n    boat_id = fields.String(required=True)\n"
    )
    written.edit("sample_quay", "publishes", "class BoatSank", "class BoatSank")
    assert "sample_quay: BoatSank is an EventSchema without @publishes" in refusal(written)


def test_an_example_that_breaks_its_schema_ends_the_command_with_a_sentence(written, capsys):
    """The message names the event, the field and the reason."""
    written.edit("sample_quay", "publishes", '"length": 12', '"length": 0')
    assert written.run("--check") == 1
    told = capsys.readouterr().err
    assert told.startswith("boat.moored.v1 of sample_quay: the example breaks its own schema: {'length'")


def test_a_chosen_commit_is_what_counts_as_published(written, capsys):
    """A branch may be compared with the release that partners run on."""
    written.edit("sample_quay", "publishes", "    berth =", "    draught = fields.Integer()\n    berth =")
    assert written.run() == 0
    written.publish()
    written.edit("sample_quay", "publishes", "    draught = fields.Integer()\n", "")
    assert written.run("--against", "HEAD~1") == 0
    assert written.run("--check", "--against", "HEAD~1") == 0
    assert written.run("--check", "--against", "no-such-commit") == 1
    assert "there is no commit 'no-such-commit' in this checkout" in capsys.readouterr().err
