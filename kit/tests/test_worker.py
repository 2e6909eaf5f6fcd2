"""The worker and its inbox, against the real Kafka and MongoDB."""

import json

import pytest
from kafka import KafkaConsumer, TopicPartition
from opentelemetry import trace
from pymongo import InsertOne

from vetika_kit import intake
from vetika_kit.cloudevents import encode
from vetika_kit.inbox import Batch, Inbox, LostPartitionError
from vetika_kit.processes import make_worker
from vetika_kit.topics import Topics
from vetika_kit.worker import WorkerPolicy


@pytest.fixture
def send(producer, topic, sample):
    """`send(event)` or `send(value=…, headers=…)`: put a record on the topic, partition 0."""

    def put(event=None, *, value=None, headers=None, key=b"k"):
        if event is not None:
            value, headers = encode(event, source="/elsewhere/sample", sequence=1)
        return producer.send(topic, key=key, value=value, headers=headers or [], partition=0).get(timeout=10)

    return put


@pytest.fixture(autouse=True)
def from_now_on(sample, topic, kafka_bootstrap):
    """The group stands at the end of the log: what earlier tests published is not read again."""
    reader = KafkaConsumer(bootstrap_servers=kafka_bootstrap)
    partitions = [TopicPartition(topic, number) for number in range(6)]
    for partition, end in reader.end_offsets(partitions).items():
        sample.database["positions"].insert_one(
            {
                "_id": f"{topic}/{partition.partition}",
                "topic": topic,
                "partition": partition.partition,
                "offset": end,
            }
        )
    reader.close()


def _tally(sample, name):
    return sample.database["tallies"].find_one({"_id": name})


def _position(sample, topic):
    return sample.database["positions"].find_one({"_id": f"{topic}/0"})["offset"]


def test_an_event_takes_effect_and_moves_the_position_with_it(
    sample, greeting, send, topic, running, eventually
):
    """Effect, id and position are there together."""
    event = greeting.event(subject="a", name="Sokha", times=1)
    metadata = send(event)
    running(make_worker(sample).run)
    assert eventually(lambda: _tally(sample, "Sokha"))["times"] == 1
    assert _position(sample, topic) == metadata.offset + 1
    assert sample.database["inbox"].find_one({"_id": f"/elsewhere/sample#{event.id}"})


def test_an_event_that_comes_again_takes_no_effect_again(sample, greeting, send, running, eventually):
    """A repetition is dropped by source and id, within a batch and across batches."""
    event = greeting.event(subject="a", name="Bopha", times=1)
    send(event)
    send(event)
    running(make_worker(sample).run)
    eventually(lambda: _tally(sample, "Bopha"))
    send(event)
    send(greeting.event(subject="a", name="after", times=1))
    eventually(lambda: _tally(sample, "after"))
    assert _tally(sample, "Bopha")["times"] == 1


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (
            b'{"specversion":"1.0","id":"1","type":"greeting.said.v1","da',
            [("ce_type", b"greeting.said.v1")],
            "unreadable",
        ),
        (b"\xff\xfe", [], "unreadable"),
        (b"[" * 100_000, [], "unreadable"),
        (None, [("ce_type", b"greeting.said.v1")], "unreadable"),
        (
            b'{"specversion":"1.0","id":"1","source":"/s","type":"greeting.said.v1","time":"2026-01-01T00:00:00Z","data":{}}',
            [("ce_type", b"greeting.said.v1")],
            "breaks_contract",
        ),
    ],
)
def test_a_record_that_cannot_be_read_is_put_aside_and_the_rest_goes_on(
    sample, greeting, send, running, eventually, value, headers, reason
):
    """It is kept whole, with its reason, and blocks nobody."""
    offset = send(value=value, headers=headers).offset
    send(greeting.event(subject="a", name="next", times=1))
    running(make_worker(sample).run)
    eventually(lambda: _tally(sample, "next"))
    letter = sample.database["dead_letters"].find_one({"offset": offset})
    assert letter["reason"] == reason
    assert letter["value"] == value
    assert letter["stack"]


def test_an_event_whose_handler_fails_is_put_aside_and_its_batch_is_done_without_it(
    sample, greeting, send, running, eventually
):
    """The events around it take effect once."""
    send(greeting.event(subject="a", name="one", times=1))
    send(greeting.event(subject="a", name="explode", times=1))
    send(greeting.event(subject="a", name="one", times=1))
    running(make_worker(sample).run)
    assert eventually(lambda: (tally := _tally(sample, "one")) and tally["times"] == 2)
    letter = sample.database["dead_letters"].find_one({})
    assert letter["reason"] == "handler_failed"
    assert "this name explodes" in letter["error"]


def test_unknown_types_and_newer_versions_are_skipped_by_their_header(
    sample, greeting, send, running, eventually
):
    """What the service does not read is not even parsed, and is no dead letter."""
    send(value=b"not even JSON", headers=[("ce_type", b"greeting.whispered.v1")])
    send(value=b"not even JSON", headers=[("ce_type", b"greeting.said.v2")])
    send(greeting.event(subject="a", name="known", times=1))
    running(make_worker(sample).run)
    eventually(lambda: _tally(sample, "known"))
    assert sample.database["dead_letters"].count_documents({}) == 0


def test_a_group_that_puts_too_much_aside_stops_until_it_is_resumed(
    sample, greeting, send, topic, running, eventually
):
    """A broken producer does not drain the topic into the bin; an operator decides, and nothing is lost."""
    for _ in range(60):
        send(value=b"broken", headers=[("ce_type", b"greeting.said.v1")])
    send(greeting.event(subject="a", name="good", times=1))
    worker = make_worker(sample)
    running(worker.run)
    eventually(lambda: worker.progress.halted)
    assert not worker.healthy
    first = sample.database["dead_letters"].count_documents({})
    assert 20 <= first < 60
    assert _tally(sample, "good") is None
    states = sample.database["consumer_state"]
    group = Topics(coalition=sample.config.coalition).group("sample")

    def resumed_until_good():
        states.update_one({"_id": group}, {"$set": {"state": "running"}})
        return _tally(sample, "good")

    eventually(resumed_until_good, seconds=90)
    assert sample.database["dead_letters"].count_documents({}) == 60


def test_a_dead_letter_takes_effect_when_an_operator_asks_for_it(sample, greeting, send, running, eventually):
    """The mended letter goes through the same inbox, once."""
    event = greeting.event(subject="a", name="Dara", times=1)
    value, headers = encode(event, source="/elsewhere/sample", sequence=1)
    offset = send(value=value[:-20], headers=headers).offset
    running(make_worker(sample).run)
    letter = eventually(lambda: sample.database["dead_letters"].find_one({"offset": offset}))
    letters = sample.database["dead_letters"]
    letters.update_one({"_id": letter["_id"]}, {"$set": {"state": "replay_requested"}})
    eventually(lambda: letters.find_one({"_id": letter["_id"]})["attempts"] == 2)
    letters.update_one({"_id": letter["_id"]}, {"$set": {"state": "replay_requested", "value": value}})
    eventually(lambda: letters.find_one({"_id": letter["_id"]})["state"] == "replayed")
    assert _tally(sample, "Dara")["times"] == 1


def test_a_worker_that_lost_the_partition_changes_nothing(sample, topic):
    """The position moves only from the value that the worker knows."""
    inbox = Inbox(sample.database, group="g", clock=sample.clock)
    known = inbox.position(topic, 0)
    sample.database["positions"].update_one({"_id": known.id}, {"$inc": {"offset": 5}})

    def work(unit):
        unit.write(sample.database["tallies"], InsertOne({"_id": "ghost"}))
        return Batch(position=known, next_offset=known.offset + 1, event_keys=["k"])

    with pytest.raises(LostPartitionError):
        inbox.in_transaction(work)
    assert _tally(sample, "ghost") is None
    assert sample.database["inbox"].find_one({"_id": "k"}) is None


def test_a_transaction_that_a_dead_worker_left_open_stops_its_own_partition_alone(
    sample, greeting, producer, topic, running, eventually
):
    """The others go on, again and again; the one goes on when the database gives the transaction up."""

    def say(name, partition):
        value, headers = encode(
            greeting.event(subject=name, name=name, times=1), source="/elsewhere/sample", sequence=1
        )
        producer.send(topic, key=b"k", value=value, headers=headers, partition=partition).get(timeout=10)

    positions = sample.database["positions"]
    with sample.database.client.start_session() as dead, dead.start_transaction():
        positions.update_one({"_id": f"{topic}/0"}, {"$inc": {"offset": 1}}, session=dead)
        say("left", 0)
        worker = make_worker(sample, policy=WorkerPolicy(report=0.1))
        running(worker.run)
        for name in ("first", "second", "third"):
            say(name, 1)
            assert eventually(lambda: _tally(sample, name))["times"] == 1  # noqa: B023 - called at once
        eventually(lambda: sample.database["consumer_reports"].find_one({"_id": f"{topic}/0", "lag": 1}))
        assert _tally(sample, "left") is None
        dead.abort_transaction()
    assert eventually(lambda: _tally(sample, "left"))["times"] == 1


def test_two_workers_share_the_partitions_and_no_event_counts_twice(
    sample, greeting, producer, topic, running, eventually
):
    """A second worker joins in mid-stream; every event still takes effect once."""

    def say(start, stop):
        for number in range(start, stop):
            event = greeting.event(subject=str(number), name=f"n{number % 10}", times=1)
            value, headers = encode(event, source="/elsewhere/sample", sequence=1)
            producer.send(topic, key=str(number).encode(), value=value, headers=headers)
        producer.flush()

    say(0, 500)
    running(make_worker(sample).run)
    running(make_worker(sample).run)
    say(500, 1000)

    def total():
        return sum(tally["times"] for tally in sample.database["tallies"].find())

    eventually(lambda: total() >= 1000, seconds=90)
    assert total() == 1000


def test_the_trace_goes_on_in_the_handler(sample, greeting, send, running, eventually, monkeypatch):
    """The handler's span has the trace id of the request that caused the event."""
    seen = []
    original = intake.Intake.handle

    def handle(self, event, handler, *, stores):
        original(self, event, handler, stores=stores)
        seen.append(event.traceparent)

    monkeypatch.setattr(intake.Intake, "handle", handle)
    context = trace.SpanContext(
        trace_id=0xABC, span_id=0xDEF, is_remote=False, trace_flags=trace.TraceFlags(1)
    )
    with trace.use_span(trace.NonRecordingSpan(context)):
        event = greeting.event(subject="a", name="traced", times=1)
    value, headers = encode(event, source="/s", sequence=1)
    assert json.loads(value)["traceparent"].startswith(f"00-{0xABC:032x}-")
    send(value=value, headers=headers)
    running(make_worker(sample).run)
    eventually(lambda: seen)
    assert seen[0].startswith(f"00-{0xABC:032x}-")
