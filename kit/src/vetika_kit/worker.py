"""Worker: Kafka to handlers, one partition's batch at a time.

What cannot take effect for good is put aside; what fails for now pauses its partition and is tried
again, in order. A group that puts too much aside stops itself until an operator resumes it.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event as Flag
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata
from pymongo.errors import PyMongoError

from vetika_kit import metrics
from vetika_kit.consumer_state import ConsumerState
from vetika_kit.dead_letters import DeadLetterPolicy, DeadShare
from vetika_kit.inbox import Inbox, LostPartitionError, Position, is_transient
from vetika_kit.intake import Intake
from vetika_kit.kafka_clients import SeekingConsumer
from vetika_kit.lags import Lags
from vetika_kit.lost_log import LogLostError, check_log
from vetika_kit.progress import Progress
from vetika_kit.replay import Replay
from vetika_kit.rests import Rests

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WorkerPolicy:
    """How a worker takes events, and how it waits."""

    batch: int = 500  # events in a transaction: enough to share its cost, few enough to stay short
    poll: float = 0.5  # seconds to wait for events
    # Seconds that a partition rests after a failure, doubled each time: a write conflict is over at once.
    backoff: float = 0.05
    backoff_limit: float = 30.0
    report: float = 2.0  # seconds between looks at lag, replays and the operator's word
    stuck_after: float = 60.0  # seconds without movement, or without a look, after which it is not healthy


class Worker(ConsumerRebalanceListener):  # type: ignore[misc] # kafka-python publishes no types
    """One worker process of a service."""

    def __init__(
        self,
        *,
        make_consumer: Callable[[], SeekingConsumer],
        topics: Sequence[str],
        inbox: Inbox,
        intake: Intake,
        replay: Replay,
        state: ConsumerState,
        service: str = "SERVICE",
        dead_letters: DeadLetterPolicy | None = None,
        policy: WorkerPolicy | None = None,
    ) -> None:
        self._make_consumer = make_consumer
        self._topics = list(topics)
        self._inbox = inbox
        self._intake = intake
        self._replay = replay
        self._state = state
        self._service = service
        self._dead_letter_policy = dead_letters or DeadLetterPolicy()
        self._share = DeadShare(self._dead_letter_policy)
        self._policy = policy or WorkerPolicy()
        self._positions: dict[TopicPartition, Position] = {}
        self._unplaced: set[TopicPartition] = set()
        self._rests = Rests(first=self._policy.backoff, limit=self._policy.backoff_limit)
        self._lags = Lags(topics=self._topics, stuck_after=self._policy.stuck_after)
        self._report_at = 0.0
        self._consumer: KafkaConsumer | None = None
        self.progress = Progress()

    def run(self, stop: Flag) -> None:
        """Work until told to stop; the batch at hand is finished before."""
        while not stop.is_set():
            if self._halted():
                stop.wait(1.0)
                continue
            self._share = DeadShare(self._dead_letter_policy)
            try:
                consumer = self._make_consumer()
            except KafkaError as error:
                logger.warning("Kafka is away: %s", type(error).__name__)
                self.progress.ticked_at = time.monotonic()
                stop.wait(1.0)
                continue
            self._consumer = consumer
            try:
                if self._know_topics(consumer, stop):
                    consumer.subscribe(self._topics, listener=self)
                    self._consume(consumer, stop)
            except KafkaError as error:
                logger.warning("Kafka: %s", type(error).__name__)
                stop.wait(self._policy.report)
            finally:
                self._consumer = None
                self._positions.clear()
                self._rests.clear()
                self._lags.clear()
                self.progress.stuck, self.progress.wedged = (), False
                consumer.close(autocommit=False, timeout_ms=5_000)

    @property
    def alive(self) -> bool:
        """Whether a new start would not help: it comes round, and what stands has a reason outside."""
        comes_round = time.monotonic() - self.progress.ticked_at < self._policy.stuck_after
        return comes_round and not self.progress.wedged

    @property
    def healthy(self) -> bool:
        """Whether it does its work: it can see how far it is behind, and no partition stands."""
        progress = self.progress
        looked_at = progress.looked_at
        sees = looked_at is not None and time.monotonic() - looked_at < self._policy.stuck_after
        return self.alive and sees and not progress.stuck and not progress.halted

    def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Hold the new partitions still until their stored positions are known.

        They are looked up outside of this call-back, where the database may be away without harm; until
        then any offset will do, so that Kafka's own record of the group is not asked for one.
        """
        for partition in assigned:
            if partition not in self._positions and self._consumer is not None:
                self._consumer.seek(partition, 0)
                self._consumer.pause(partition)
                self._unplaced.add(partition)

    def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Forget what now belongs to others."""
        for partition in revoked:
            self._positions.pop(partition, None)
            self._rests.forget(partition)
            self._unplaced.discard(partition)

    def _know_topics(self, consumer: KafkaConsumer, stop: Flag) -> bool:
        """Wait until the partitions of every topic are known; return False when told to stop.

        A member that leads its group before it knows them gives nobody any partition, and the group
        may rest like that for minutes.
        """
        missing = set(self._topics)
        while not stop.is_set():
            self.progress.ticked_at = time.monotonic()
            missing = {topic for topic in missing if not consumer.partitions_for_topic(topic)}
            if not missing:
                return True
            logger.warning("waiting for the topics %s", ", ".join(sorted(missing)))
            stop.wait(self._policy.report)
        return False

    def _consume(self, consumer: SeekingConsumer, stop: Flag) -> None:
        while not stop.is_set():
            self.progress.ticked_at = time.monotonic()
            try:
                self._place(consumer)
                self._wake_rested(consumer)
                polled = consumer.poll(
                    timeout_ms=int(self._policy.poll * 1000), max_records=self._policy.batch
                )
                for partition, records in polled.items():
                    self.progress.ticked_at = time.monotonic()
                    self._take(consumer, partition, records)
                self._look_around(consumer)
            except OffsetOutOfRangeError as error:
                places = ", ".join(
                    f"{at.topic}/{at.partition} at {offset}" for at, offset in error.args[0].items()
                )
                self._halt_lost(f"the log no longer holds what comes next ({places})")
            except LogLostError as error:
                self._halt_lost(str(error))
            except PyMongoError as error:
                if not is_transient(error):
                    raise
                logger.warning("the database is away: %s", type(error).__name__)
                stop.wait(self._policy.backoff)
            except KafkaError as error:
                logger.warning("Kafka: %s", type(error).__name__)
                stop.wait(self._policy.backoff)
            if self.progress.halted:
                return

    def _place(self, consumer: SeekingConsumer) -> None:
        """Seek every new partition to the position that was stored with its effects."""
        unplaced = [*self._unplaced]
        if not unplaced:
            return
        begins, ends = consumer.beginning_offsets(unplaced), consumer.end_offsets(unplaced)
        for partition in unplaced:
            position = self._inbox.position(partition.topic, partition.partition)
            same = self._state.is_same_topic(partition.topic, consumer.topic_id(partition.topic))
            if position.offset is None:
                position = self._inbox.begin(position, offset=begins[partition])
            check_log(position, begin=begins[partition], end=ends[partition], same_topic=same)
            consumer.seek(partition, position.offset)
            self._positions[partition] = position
            self._unplaced.discard(partition)
            consumer.resume(partition)

    def _wake_rested(self, consumer: KafkaConsumer) -> None:
        for partition in self._rests.over():
            if partition in consumer.paused():
                consumer.resume(partition)

    def _take(self, consumer: KafkaConsumer, partition: TopicPartition, records: Sequence[Any]) -> None:
        position = self._positions.get(partition)
        if position is None:
            return  # revoked meanwhile
        started = time.monotonic()
        try:
            taken = self._intake.take(position, records, share=self._share)
        except LostPartitionError:
            logger.info("partition %s/%d moved without us", partition.topic, partition.partition)
            del self._positions[partition]
            consumer.pause(partition)
            self._unplaced.add(partition)
            return
        except PyMongoError as error:
            if not is_transient(error):
                raise
            self._rest(consumer, partition, records[0].offset, error)
            return
        self._rests.forget(partition)
        self._positions[partition] = taken
        metrics.BATCH_SECONDS.labels(topic=partition.topic).observe(time.monotonic() - started)
        if self._share.exceeded:
            self._halt("too many events are dead letters")
        elif taken.offset is not None:
            # For monitoring alone; the position that counts lies with the effects.
            consumer.commit_async({partition: OffsetAndMetadata(taken.offset, "", -1)})

    def _rest(
        self, consumer: KafkaConsumer, partition: TopicPartition, offset: int, error: Exception
    ) -> None:
        length = self._rests.begin(partition)
        logger.warning(
            "%s/%d rests %.1f s: %s", partition.topic, partition.partition, length, type(error).__name__
        )
        metrics.WORKER_FAILURES.labels(reason=type(error).__name__).inc()
        consumer.pause(partition)
        consumer.seek(partition, offset)

    def _look_around(self, consumer: KafkaConsumer) -> None:
        """Report lag, replay what an operator asked for, and hear whether the group was halted."""
        if time.monotonic() < self._report_at:
            return
        self._report_at = time.monotonic() + self._policy.report
        self._replay.run()
        self.progress.halted = self._state.halted
        ends, lags = self._lags.look(consumer, self._positions)
        stuck = self._lags.stuck()
        self.progress.lag = sum(lags.values())
        self.progress.wedged = any(partition not in self._rests for partition in stuck)
        self.progress.stuck = stuck
        self._state.report(ends=ends, lags=lags)
        self.progress.looked_at = time.monotonic()

    def _halted(self) -> bool:
        self.progress.ticked_at = time.monotonic()
        try:
            self.progress.halted = self._state.halted
            if self.progress.halted and self.progress.reason is None:
                self.progress.reason, self.progress.remedy = self._state.reason, self._state.remedy
            elif not self.progress.halted:
                self.progress.reason = self.progress.remedy = None
        except PyMongoError as error:
            logger.warning("the database is away: %s", type(error).__name__)
            return True
        metrics.HALTED.labels(group=self._state.group).set(self.progress.halted)
        return self.progress.halted

    def _halt_lost(self, reason: str) -> None:
        self._halt(reason, remedy=f"./vetika rebuild {self._service}")

    def _halt(self, reason: str, *, remedy: str | None = None) -> None:
        logger.error("halted: %s; %s", reason, remedy or "an operator must look and resume")
        self._state.halt(reason, remedy=remedy)
        self.progress.reason, self.progress.remedy = reason, remedy
        self.progress.halted = True
        metrics.HALTED.labels(group=self._state.group).set(1)
