"""A group whose log lost what comes next stops and says how to rebuild; a rebuild does nothing twice."""

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from pymongo.errors import AutoReconnect

from vetika_kit.admin.flows import inbound
from vetika_kit.backup import upkeep
from vetika_kit.backup.errors import BackupError
from vetika_kit.backup.rebuild import Rebuild
from vetika_kit.cloudevents import encode
from vetika_kit.consumer_state import ConsumerState
from vetika_kit.inbox import Inbox
from vetika_kit.processes import make_worker
from vetika_kit.topics import Stream, Topics, create_topics


@pytest.fixture
def log(kafka_bootstrap, coalition):
    """The sample's topic, made anew for each test."""
    spec = Topics(coalition=coalition).spec("sample", Stream.EVENTS)
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    log = Log(admin=admin, spec=spec, bootstrap=kafka_bootstrap)
    log.make_anew()
    yield log
    admin.close()


class Log:
    """A topic whose beginning can be cut off, or that can be made anew."""

    def __init__(self, *, admin, spec, bootstrap):
        self.admin, self.spec, self.bootstrap = admin, spec, bootstrap

    def make_anew(self):
        """Remove it and make it again, empty."""
        if self.spec.name in self.admin.list_topics():
            self.admin.delete_topics([self.spec.name])
        while self.spec.name not in self.admin.list_topics():
            create_topics(self.admin, [self.spec])

    def cut(self, offset):
        """Let partition 0 begin at an offset, as retention does."""
        self.admin.delete_records({TopicPartition(self.spec.name, 0): offset})

    def end(self):
        """Where partition 0 ends."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        try:
            return consumer.end_offsets([TopicPartition(self.spec.name, 0)])[
                TopicPartition(self.spec.name, 0)
            ]
        finally:
            consumer.close()


@pytest.fixture
def say(producer, greeting, log):
    """`say(name…)`: greet, on partition 0."""

    def said(*names):
        for name in names:
            value, headers = encode(
                greeting.event(subject=name, name=name, times=1), source="/elsewhere/sample", sequence=1
            )
            producer.send(log.spec.name, key=b"k", value=value, headers=headers, partition=0).get(timeout=10)

    return said


@pytest.fixture
def state(sample):
    """What the group says of itself."""
    return ConsumerState(sample.database, group=f"{sample.config.coalition}.sample", clock=sample.clock)


def _stand_at(sample, log, offset):
    sample.database["positions"].insert_one(
        {
            "_id": f"{log.spec.name}/0",
            "group": f"{sample.config.coalition}.sample",
            "topic": log.spec.name,
            "partition": 0,
            "offset": offset,
        }
    )


def _tallies(sample):
    return {found["_id"]: found["times"] for found in sample.database["tallies"].find()}


def test_a_worker_that_starts_before_the_logs_beginning_stops_and_tells_how_to_rebuild(
    sample, log, say, state, running, eventually
):
    """In the log, for the supervisor and for operators; nothing of what follows is taken meanwhile."""
    say("one", "two", "three", "four")
    _stand_at(sample, log, 1)
    log.cut(3)
    worker = make_worker(sample)
    running(worker.run)
    eventually(lambda: state.halted)
    shown = inbound(sample.database, group=state.group)
    assert shown["state"] == "halted"
    assert "begins at 3, and 1 comes next" in shown["reason"]
    assert shown["remedy"] == "./vetika rebuild sample"
    eventually(lambda: worker.progress.remedy == shown["remedy"])
    assert _tallies(sample) == {}


def test_a_partition_that_lost_its_first_events_while_the_worker_slept_is_noticed(
    sample, log, say, state, running, eventually
):
    """Though nothing of it was ever handled: where it began is remembered."""
    thread = running(make_worker(sample).run)
    eventually(lambda: sample.database["positions"].count_documents({"offset": 0}) == log.spec.partitions)
    sample.stop.set()
    thread.join(20)
    sample.stop.clear()
    say("one", "two")
    log.cut(1)
    running(make_worker(sample).run)
    eventually(lambda: state.halted)
    assert "begins at 1, and 0 comes next" in state.reason


def test_a_worker_whose_place_falls_off_while_it_waits_stops(
    sample, log, say, state, running, eventually, monkeypatch
):
    """Not only at the start: the broker's refusal ends in the same word."""
    say("one")
    running(make_worker(sample).run)
    eventually(lambda: _tallies(sample) == {"one": 1})
    tried = []

    def away(self, work):
        tried.append(work)
        raise AutoReconnect("the database is away")

    monkeypatch.setattr(Inbox, "in_transaction", away)
    say("two", "three")
    eventually(lambda: tried)
    log.cut(3)
    eventually(lambda: state.halted, seconds=30)
    assert "no longer holds what comes next" in state.reason
    assert state.remedy == "./vetika rebuild sample"


@pytest.mark.parametrize("grown", [0, 5], ids=["beyond its end", "grown beyond the place"])
def test_a_topic_that_was_made_anew_is_noticed(sample, log, say, state, running, eventually, grown):
    """Even where it has grown past the place that was counted in the former one."""
    say("one", "two")
    stop_before = make_worker(sample)
    thread = running(stop_before.run)
    eventually(lambda: _tallies(sample) == {"one": 1, "two": 1})
    sample.stop.set()
    thread.join(20)
    sample.stop.clear()
    log.make_anew()
    say(*(f"later{number}" for number in range(grown)))
    running(make_worker(sample).run)
    eventually(lambda: state.halted, seconds=30)
    assert "made anew" in state.reason
    assert _tallies(sample) == {"one": 1, "two": 1}


def test_a_rebuild_reads_what_the_log_still_has_and_nothing_twice(
    sample, log, say, state, running, eventually
):
    """The operator hears how much is missing; a second rebuild finds nothing to do."""
    say("one", "two", "three", "four")
    _stand_at(sample, log, 1)
    log.cut(3)
    halted = make_worker(sample)
    thread = running(halted.run)
    eventually(lambda: state.halted)
    sample.stop.set()
    thread.join(20)
    sample.stop.clear()
    rebuilt = Rebuild(sample).run()
    assert [(lost.begin, lost.offset, lost.missed) for lost in rebuilt.lost] == [(3, 1, 2)]
    assert not state.halted
    assert Rebuild(sample).run().lost == []
    running(make_worker(sample).run)
    eventually(lambda: _tallies(sample) == {"four": 1})


def test_a_rebuild_of_everything_reads_all_again(sample, log, say, state, running, eventually):
    """Copies that were lost are made again."""
    say("one", "two")
    thread = running(make_worker(sample).run)
    eventually(lambda: _tallies(sample) == {"one": 1, "two": 1})
    sample.stop.set()
    thread.join(20)
    sample.stop.clear()
    sample.database["tallies"].delete_many({})
    rebuilt = Rebuild(sample).run(everything=True)
    assert (rebuilt.lost, rebuilt.read_again) == ([], log.spec.partitions)
    running(make_worker(sample).run)
    eventually(lambda: _tallies(sample) == {"one": 1, "two": 1})


def test_a_rebuild_that_dies_is_completed_by_the_next(sample, log, say, monkeypatch):
    """What was asked for is remembered, and no process starts meanwhile."""
    say("one")
    _stand_at(sample, log, 1)
    monkeypatch.setattr(ConsumerState, "resume", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Rebuild(sample).run(everything=True)
    assert upkeep.unfinished(sample.database) == "rebuild"
    monkeypatch.undo()
    Rebuild(sample).run()
    assert upkeep.unfinished(sample.database) is None
    assert sample.database["positions"].count_documents({}) == 0


def test_a_halt_for_another_reason_is_left_to_the_operator(sample, log, state):
    """Too many dead letters are not mended by reading again."""
    state.halt("too many events are dead letters")
    Rebuild(sample).run()
    assert state.halted


def test_a_store_that_is_half_restored_is_not_rebuilt(sample, log):
    """First the one, then the other."""
    upkeep.begin(sample.database, "restore")
    with pytest.raises(BackupError, match="restore"):
        Rebuild(sample).run()
