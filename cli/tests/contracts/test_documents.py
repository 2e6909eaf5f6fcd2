"""The documents that are written: AsyncAPI, topics, examples."""

import json

import pytest
import yaml


@pytest.fixture
def view(written):
    """A service's AsyncAPI document."""
    return lambda service: yaml.safe_load((written.contracts / service / "asyncapi.yaml").read_text())


def test_a_service_sends_what_it_publishes_and_receives_what_it_reads(view):
    """Each document is the service's own view."""
    operations = {name: one["action"] for name, one in view("sample_quay")["operations"].items()}
    assert operations == {"send-sample_quay-contacts": "send", "send-sample_quay-events": "send"}
    operations = {name: one["action"] for name, one in view("sample_toll")["operations"].items()}
    assert operations == {"receive-sample_quay-contacts": "receive", "receive-sample_quay-events": "receive"}


def test_a_channel_tells_its_topic_and_how_it_is_kept(view):
    """What the topics are really made with, the coalition's name left open."""
    channel = view("sample_quay")["channels"]["sample_quay-contacts"]
    assert channel["address"] == "{coalition}.sample_quay.contacts.v1"
    kafka = channel["bindings"]["kafka"]
    assert kafka["partitions"] == 6
    assert kafka["topicConfiguration"]["cleanup.policy"] == ["compact"]


def test_a_receiver_shows_the_fields_that_it_depends_on(view):
    """A producer sees in one place what somebody reads."""
    document = view("sample_toll")
    assert document["components"]["schemas"]["BoatHeard"]["required"] == ["boat_id", "flag", "length"]
    message = document["components"]["messages"]["boat.moored.v1"]
    assert message["summary"] == "Charge for the length."
    assert message["payload"]["allOf"][1]["properties"]["data"] == {"$ref": "#/components/schemas/BoatHeard"}


def test_every_reference_in_a_document_leads_somewhere(view):
    """A document stands alone, and nothing in it dangles."""
    for service in ("sample_quay", "sample_toll"):
        document = view(service)
        for reference in references(document):
            found = document
            for step in reference.removeprefix("#/").split("/"):
                found = found[step]


def references(value):
    """All `$ref` of a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from [inner] if key == "$ref" else references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_a_tombstone_is_a_record_without_value_whose_headers_tell_the_rest(written):
    """Partners of the compacted stream can test with it like with any event."""
    path = written.contracts / "sample_quay/captain.erased.v1/examples/001.json"
    example = json.loads(path.read_text())
    assert (example["key"], example["value"]) == ("c1", None)
    assert example["headers"]["ce_type"] == "captain.erased.v1"
    assert example["headers"]["ce_version"] == "2"


def test_an_example_is_a_whole_event(written):
    """The bytes of the value, as they would be on the topic."""
    example = json.loads((written.contracts / "sample_quay/boat.moored.v1/examples/001.json").read_text())
    assert example["specversion"] == "1.0"
    assert (example["source"], example["subject"]) == ("/dfwg/sample_quay", "b1")
    assert example["data"]["boat_id"] == "b1"


def test_the_overview_tells_who_writes_and_reads_each_topic(written):
    """And what partners may read."""
    topics = yaml.safe_load((written.contracts / "topics.yaml").read_text())["topics"]
    events = topics["{coalition}.sample_quay.events.v1"]
    assert (events["owner"], events["consumers"]) == (
        "sample_quay",
        {"sample_toll": "{coalition}.sample_toll"},
    )
    assert events["types"] == {"boat.moored.v1": {"key": "boat_id", "read_by": ["sample_toll"]}}
    assert events["partners_may_read"] is True
    assert topics["{coalition}.sample_quay.contacts.v1"]["partners_may_read"] is False
