"""What a service says of itself before an upgrade, on the real MongoDB and the real Kafka."""

import json
import time
from dataclasses import replace

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from vetika_kit import releases
from vetika_kit.check import report, run_check
from vetika_kit.check import stream as stream_look
from vetika_kit.check.command import LOOKS
from vetika_kit.check.room import room_told
from vetika_kit.migrations import Migration
from vetika_kit.mongo import service_database
from vetika_kit.topics import Topics

PENDING = Migration(
    name="greeted-at",
    doc="When somebody was greeted is kept.",
    collection="people",
    old={"greeted_at": {"$exists": False}},
    apply=({"$set": {"greeted_at": None}},),
)


@pytest.fixture
def found(sample):
    """`found(about)`: level and sentence of each finding about it that is not good; without, of all."""

    def looked(about=None, *, context=sample):
        findings = report(context)["findings"]
        return [
            (finding["level"], finding["what"])
            for finding in findings
            if finding["level"] != "good" and about in {None, finding["about"]}
        ]

    return looked


def test_nothing_stops_the_upgrade_of_a_service_that_is_well(sample, found):
    """Every look says so, in one line each."""
    assert found() == []
    abouts = [finding["about"] for finding in report(sample)["findings"]]
    assert sorted(abouts) == [
        "dead letters", "disk", "disk", "indexes", "lag",
        "migrations", "outbox", "positions", "topics", "workers",
    ]  # fmt: skip


@pytest.mark.parametrize(("free", "level"), [(1, "bad"), (15, "note"), (40, "good")])
def test_a_disk_that_is_nearly_full_stops_an_upgrade(free, level):
    """Less than a GiB is too little for anything; less than a tenth is worth a look."""
    finding = room_told(free=(free << 30) - 1, total=200 << 30, where="it is kept")
    assert (finding.level, "are free where it is kept" in finding.what) == (level, True)


def test_a_halted_group_stops_an_upgrade(sample, found):
    """The reason is repeated: it is what must be mended."""
    assert run_check(sample.service, sample.config) == 0
    sample.database["consumer_state"].insert_one(
        {"_id": f"{sample.config.coalition}.sample", "state": "halted", "reason": "too many died"}
    )
    ((level, what),) = found("workers")
    assert level == "bad"
    assert "too many died" in what
    assert run_check(sample.service, sample.config) == 1


def test_dead_letters_that_wait_are_noted(sample, found):
    """Those that were decided on are no news."""
    sample.database["dead_letters"].insert_many(
        [{"state": "dead"}, {"state": "discarded"}, {"state": "dead"}]
    )
    ((level, what),) = found("dead letters")
    assert (level, what.split()[0]) == ("note", "2")


def test_an_event_that_does_not_leave_stops_an_upgrade(sample, people, greeting, found):
    """A minute is far longer than a relay needs."""
    people.insert({"_id": "a"}, greeting.event(subject="a", name="x", times=1))
    assert found("outbox") == []
    sample.database["people"].update_one({}, [{"$set": {"outbox.since": {"$subtract": ["$$NOW", 90_000]}}}])
    ((level, what),) = found("outbox")
    assert level == "bad"
    assert "waited 9" in what


def test_migrations_that_wait_or_are_unknown_are_noted(sample, people, found):
    """Documents that wait are counted; what a newer version did is named."""
    people.insert({"_id": "a"})
    sample.database["migrations"].insert_one({"_id": "of-next-year", "state": "done"})
    context = replace(sample, service=replace(sample.service, migrations=(PENDING,)))
    (pending, unknown) = found("migrations", context=context)
    assert pending[0] == unknown[0] == "note"
    assert "greeted-at is pending, 1 documents" in pending[1]
    assert "of-next-year" in unknown[1]


def test_an_index_that_is_missing_is_noted_and_one_that_differs_stops_an_upgrade(sample, found):
    """MongoDB refuses to make an index under the name of another."""
    inbox, letters = sample.database["inbox"], sample.database["dead_letters"]
    try:
        letters.drop_index("by_state")
        inbox.drop_index("forget_after_remembered")
        inbox.create_index("at", expireAfterSeconds=60, name="forget_after_remembered")
        assert [level for level, _ in found("indexes")] == ["bad", "note"]
    finally:
        inbox.drop_index("forget_after_remembered")


def test_a_topic_that_is_missing_stops_an_upgrade(sample, found):
    """Services make no topic by writing to it."""
    context = replace(sample, config=replace(sample.config, coalition="nobody"))
    ((level, what),) = found("topics", context=context)
    assert level == "bad"
    assert "nobody.sample.events.v1 is missing" in what


def test_a_topic_that_keeps_events_for_less_time_stops_an_upgrade(sample, topic, found):
    """Retention comes from the code's declaration, and somebody has changed it."""
    admin = KafkaAdminClient(bootstrap_servers=list(sample.config.kafka_bootstrap))
    place = ConfigResourceType.TOPIC
    try:
        admin.alter_configs([ConfigResource(place, topic, configs={"retention.ms": "3600000"})])
        ((level, what),) = found("topics")
        assert (level, "retention.ms=3600000" in what) == ("bad", True)
    finally:
        admin.alter_configs([ConfigResource(place, topic, configs={"retention.ms": "63072000000"})])
        admin.close()


def test_a_topic_that_is_split_otherwise_is_noted(found, monkeypatch):
    """Nothing of ours depends on the number, and nobody can change it without harm."""
    declared = Topics.spec
    monkeypatch.setattr(Topics, "spec", lambda *given: replace(declared(*given), partitions=4))
    ((level, what),) = found("topics")
    assert level == "note"
    assert "has 6 partitions, not 4" in what


def test_a_position_beyond_the_log_stops_an_upgrade(sample, topic, found):
    """The topic was made anew, or the database is older or younger than Kafka."""
    sample.database["positions"].insert_one(
        {"_id": f"{topic}/2", "topic": topic, "partition": 2, "offset": 999}
    )
    ((level, what),) = found("positions")
    assert level == "bad"
    assert f"{topic}/2 at 999" in what


def test_a_large_lag_stops_an_upgrade(topic, producer, found, monkeypatch):
    """What is not handled now is not handled while workers are replaced."""
    monkeypatch.setattr(stream_look, "LARGE_LAG", 2)
    for _ in range(3):
        producer.send(topic, key=b"a", value=b"{}")
    producer.flush()
    ((level, _),) = found("lag")
    assert level == "bad"


def test_a_database_that_does_not_answer_is_told_of_once(sample, found, monkeypatch):
    """And soon: no look waits for what the first call did not reach."""
    monkeypatch.setattr("vetika_kit.check.command.LONGEST_CALL", 0.5)
    with MongoClient("mongodb://127.0.0.1:1/") as nowhere:
        database = service_database(nowhere, coalition="x", service="sample")
        started = time.monotonic()
        ((level, what),) = found(context=replace(sample, database=database))
    assert (level, "does not answer" in what) == ("bad", True)
    assert time.monotonic() - started < 5


def test_a_database_that_refuses_is_told_of_and_the_other_looks_go_on(sample, found, monkeypatch):
    """A right that is missing hides one look, not all."""

    def refused(context):
        raise OperationFailure("not authorized")

    monkeypatch.setattr("vetika_kit.check.command.LOOKS", (refused, *LOOKS))
    assert [about for level, about in found()] == [
        "does not answer (OperationFailure): see that it runs and lets us in"
    ]


def test_the_report_tells_what_runs_and_what_would_run(sample, capsys):
    """As JSON, for whoever compares the services; looking changes nothing."""
    before = sorted(sample.database.list_collection_names())
    assert run_check(sample.service, sample.config) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["running"] is None
    (published,) = said["language"]["publishes"]
    assert (published["type"], published["schema"]["required"]) == ("greeting.said.v1", ["name", "times"])
    (read,) = said["language"]["reads"]
    assert (read["service"], read["schema"]["required"]) == ("sample", ["name"])
    assert sorted(sample.database.list_collection_names()) == before

    releases.record(sample.database, sample.service)
    releases.record(sample.database, sample.service)
    run_check(sample.service, sample.config)
    running = json.loads(capsys.readouterr().out)["running"]
    assert running == {"version": sample.service.version, **said["language"]}
    assert sample.database["releases"].count_documents({}) == 1
