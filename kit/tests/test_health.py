"""What relay and worker answer about themselves, on the real servers and without them."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import timedelta

import pytest
from kafka import TopicPartition
from prometheus_client import REGISTRY
from pymongo import MongoClient

from vetika_kit.cloudevents import encode
from vetika_kit.health import coming_round, relay_works, worker_lives, worker_works
from vetika_kit.processes import make_worker, run_relay, run_worker
from vetika_kit.worker import WorkerPolicy

LONG_AGO = 3600.0  # seconds
QUICK = WorkerPolicy(report=0.1, stuck_after=1.5)
NOWHERE = "127.0.0.1:1"


@pytest.fixture
def shown(sample):
    """The sample with a port for its probes; `shown.get(path)` is status and details, or None and nothing."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]

    class Shown:
        context = replace(sample, config=replace(sample.config, probe_port=port))

        @staticmethod
        def get(path):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                return error.code, json.load(error)
            except OSError:
                return None, {}

        def statuses(self):
            return self.get("/livez")[0], self.get("/readyz")[0]

    return Shown()


@pytest.fixture
def away():
    """A database that does not answer."""
    with MongoClient(f"mongodb://{NOWHERE}", serverSelectionTimeoutMS=300) as client:
        yield client["sample"]


@pytest.fixture
def say(greeting, producer, topic):
    """`say(name, partition)`: an event on one partition of the topic."""

    def put(name, partition):
        event = greeting.event(subject=name, name=name, times=1)
        value, headers = encode(event, source="/elsewhere/sample", sequence=1)
        producer.send(topic, key=b"k", value=value, headers=headers, partition=partition).get(timeout=10)

    return put


def test_a_process_that_does_not_come_round_is_dead():
    """One loop of several is enough."""
    now = time.monotonic()
    assert coming_round(now, now - 30).good
    assert not coming_round(now, now - 61).good


def test_a_relay_whose_outbox_grows_old_is_not_ready_and_is_not_started_again(
    sample, shown, people, greeting, running, eventually
):
    """Kafka does not come back because the relay is killed; the age stands in the answer."""
    cut_off = replace(shown.context, config=replace(shown.context.config, kafka_bootstrap=(NOWHERE,)))
    running(lambda _: run_relay(cut_off))
    assert eventually(lambda: shown.statuses() == (200, 200))
    people.insert({"_id": "a"}, greeting.event(subject="a", name="x", times=1))
    assert shown.statuses() == (200, 200)
    assert REGISTRY.get_sample_value("vetika_ready", {"service": "sample"}) == 1
    since = sample.clock.now() - timedelta(seconds=61)
    people.collection.update_one({"_id": "a"}, {"$set": {"outbox.since": since}})
    assert shown.statuses() == (200, 503)
    assert shown.get("/readyz")[1]["oldest_event_seconds"] >= 61
    assert REGISTRY.get_sample_value("vetika_ready", {"service": "sample"}) == 0
    people.collection.delete_many({})
    assert shown.statuses() == (200, 200)


def test_a_relay_without_its_database_is_not_ready_and_is_not_started_again(shown, away, running, eventually):
    """Nobody knows what waits, and that is what it says."""
    running(lambda _: run_relay(replace(shown.context, database=away)))
    assert eventually(lambda: shown.statuses() == (200, 503))
    assert shown.get("/readyz")[1]["mongodb"] == "away"


@pytest.mark.parametrize(("age", "good"), [(0.0, True), (59.9, True), (60.0, False), (float("nan"), False)])
def test_the_age_of_the_outbox_has_a_limit(age, good):
    """An age that is not known is no good age."""
    assert relay_works(outbox_age=age, limit=60).good is good


def test_a_worker_is_ready_as_soon_as_it_sees_how_far_it_is_behind(shown, running, eventually):
    """Kafka and the database have answered then."""
    running(lambda _: run_worker(shown.context))
    assert eventually(lambda: shown.statuses() == (200, 200), seconds=30)
    details = shown.get("/readyz")[1]
    assert (details["status"], details["halted"], details["stuck"]) == ("ok", False, [])
    assert details["process"] == "sample-test"


def test_a_worker_without_kafka_is_not_ready_and_is_not_started_again(shown, tmp_path, eventually):
    """It waits, and goes on by itself."""
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    config = shown.context.config
    worker = subprocess.Popen(
        [sys.executable, "-m", "meetings", "worker"],
        env={
            **os.environ,
            "VETIKA_COALITION": config.coalition,
            "VETIKA_MONGODB_URI": config.mongodb_uri,
            "VETIKA_KAFKA_BOOTSTRAP": NOWHERE,
            "VETIKA_JWKS_FILE": str(tmp_path / "jwks.json"),
            "VETIKA_PROBE_PORT": str(config.probe_port),
        },
        stdout=subprocess.DEVNULL,
    )
    try:
        assert eventually(lambda: shown.statuses() == (200, 503), seconds=30)
        assert shown.get("/readyz")[1]["seconds_since_look"] is None
    finally:
        worker.terminate()
        assert worker.wait(timeout=10) == 0  # it ends in time all the same


def test_a_worker_without_its_database_is_not_ready_and_is_not_started_again(
    shown, away, running, eventually
):
    """It waits, and goes on by itself."""
    running(lambda _: run_worker(replace(shown.context, database=away)))
    assert eventually(lambda: shown.statuses() == (200, 503))
    assert shown.get("/readyz")[1]["seconds_since_look"] is None


def test_a_worker_that_has_not_seen_the_log_for_long_is_not_ready(sample, running, eventually):
    """What it knew of its lag then says nothing about now."""
    worker = make_worker(sample)
    running(worker.run)
    eventually(lambda: worker.healthy, seconds=30)
    worker.progress.looked_at = time.monotonic() - LONG_AGO
    assert not worker.healthy
    assert worker_works(worker).details["seconds_since_look"] >= LONG_AGO
    assert worker.alive
    worker.progress.ticked_at = time.monotonic() - LONG_AGO
    assert not worker.alive
    assert not worker_lives(worker).good


def test_a_partition_that_fails_again_and_again_makes_its_worker_not_ready(
    sample, say, topic, running, eventually
):
    """However well the others move; a new start would not help, for the fault lies in the database."""
    positions = sample.database["positions"]
    worker = make_worker(sample, policy=QUICK)
    running(worker.run)
    eventually(lambda: worker.healthy, seconds=30)
    say("first", 0)
    eventually(lambda: positions.find_one({"_id": f"{topic}/0"}))
    with sample.database.client.start_session() as dead, dead.start_transaction():
        positions.update_one({"_id": f"{topic}/0"}, {"$set": {"held": True}}, session=dead)
        say("left", 0)
        names = iter(f"n{number}" for number in range(100_000))

        def stands_while_the_other_moves():
            say(next(names), 1)
            return not worker.healthy

        eventually(stands_while_the_other_moves, seconds=30)
        assert worker_works(worker).details["stuck"] == [f"{topic}/0"]
        assert worker.alive
        assert sample.database["tallies"].find_one({"_id": "n0"})["times"] == 1
        dead.abort_transaction()
    eventually(lambda: worker.healthy, seconds=30)
    assert sample.database["tallies"].find_one({"_id": "left"})["times"] == 1


def test_a_partition_that_stands_for_no_reason_makes_its_worker_dead(sample, say, topic, running, eventually):
    """Nothing outside is to blame, so a new start may help."""
    worker = make_worker(sample, policy=QUICK)
    running(worker.run)
    eventually(lambda: worker.healthy, seconds=30)
    eventually(lambda: TopicPartition(topic, 2) in worker._positions, seconds=30)
    worker._consumer.pause(TopicPartition(topic, 2))  # as a fault of the client would
    say("left", 2)
    eventually(lambda: not worker.alive, seconds=30)
    assert not worker.healthy
    worker._consumer.resume(TopicPartition(topic, 2))
    eventually(lambda: worker.healthy, seconds=30)


def test_the_lag_of_a_partition_is_shown_by_the_worker_that_has_it_and_by_no_other(
    sample, topic, running, eventually
):
    """A worker that ends, or gives a partition away, takes its figure with it."""
    lag = {"topic": topic, "partition": "0"}

    def value():
        return REGISTRY.get_sample_value("vetika_consumer_lag_events", lag)

    thread = running(make_worker(sample, policy=QUICK).run)
    eventually(lambda: value() is not None, seconds=30)
    sample.stop.set()
    thread.join(timeout=20)
    assert value() is None
