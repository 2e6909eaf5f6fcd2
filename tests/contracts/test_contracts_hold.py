"""The contracts of all services, as they are checked in."""

import json
from pathlib import PurePosixPath

import yaml
from jsonschema import Draft202012Validator

from vetika_cli.contracts import main
from vetika_kit.cloudevents import decode, encode
from vetika_kit.events import Event


def test_the_check_passes(capsys):
    """What is written is what the code says, compatible with what is published, and read by every reader."""
    status = main(["--check"])
    captured = capsys.readouterr()
    assert status == 0, captured.err


def test_the_four_services_have_contracts(catalog):
    """No service is overlooked because a module of it was not found."""
    assert {"registration", "meetings", "notifications", "recommendations"} <= {
        service.name for service in catalog.services
    }
    assert all(service.publishes for service in catalog.services)


def test_every_published_type_has_a_schema_an_example_and_an_entry_in_its_service_s_document(catalog, folder):
    """Nothing is published that a partner cannot look up."""
    for service in catalog.services:
        document = yaml.safe_load(folder.texts[PurePosixPath(service.name, "asyncapi.yaml")])
        for contract in service.publishes:
            schema = folder.schema(contract.service, contract.type)
            Draft202012Validator.check_schema(schema)
            assert list(folder.examples(contract.service, contract.type)), contract.type
            assert contract.type in document["components"]["messages"]
            sent = document["operations"][f"send-{service.name}-{contract.stream}"]["messages"]
            channel = f"#/channels/{service.name}-{contract.stream}/messages/{contract.type}"
            assert {"$ref": channel} in sent


def test_every_read_type_has_an_entry_in_its_reader_s_document(catalog, folder):
    """A producer finds out who depends on what."""
    for service in catalog.services:
        document = yaml.safe_load(folder.texts[PurePosixPath(service.name, "asyncapi.yaml")])
        for handler in service.reads:
            operation = document["operations"][f"receive-{handler.service}-{handler.stream}"]
            channel = f"#/channels/{handler.service}-{handler.stream}/messages/{handler.type}"
            assert {"$ref": channel} in operation["messages"]


def test_every_example_survives_the_wire_to_every_reader(catalog, folder):
    """Encoded by the kit as the relay does, decoded as the worker does."""
    for contract in catalog.contracts():
        for reader, handler in catalog.readers(contract):
            for path, example in folder.examples(contract.service, contract.type):
                received = decode(
                    *_record(contract, example), key=_key(contract, example), reads=handler.reads
                )
                assert received.type == contract.type, (reader, path)
                assert (received.data is None) == contract.is_tombstone


def test_the_topics_page_has_every_topic(catalog, folder):
    """Who hosts the cluster makes topics and rights from it."""
    topics = yaml.safe_load(folder.texts[PurePosixPath("topics.yaml")])["topics"]
    assert set(topics) == {f"{{coalition}}.{one.service}.{one.stream}.v1" for one in catalog.contracts()}


def test_every_described_event_says_what_happened(catalog):
    """A contract without a word is none."""
    assert [contract.type for contract in catalog.contracts() if not contract.description] == []


def _key(contract, example):
    return example["key"] if contract.is_tombstone else example["data"][contract.key]


def _record(contract, example):
    if contract.is_tombstone:
        return None, [(name, value.encode()) for name, value in example["headers"].items()]
    event = Event(
        id=example["id"],
        type=example["type"],
        subject=example["subject"],
        time=decode(json.dumps(example).encode(), [], key="", reads=contract.schema).time,
        data=example["data"],
        key=_key(contract, example),
    )
    return encode(event, source=example["source"], sequence=1)
