"""Relay: takes events out of the outboxes and publishes them, in order, at least once.

A crash between publishing and acknowledging publishes again, with the same event ids; readers drop
what they have had. While Kafka is away events wait where they are, and nothing is lost.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event as Flag
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError
from pymongo.database import Database
from pymongo.errors import PyMongoError

from vetika_kit import metrics
from vetika_kit.cloudevents import encode
from vetika_kit.leases import ShardLeases
from vetika_kit.mongo import Document
from vetika_kit.outbox import restored
from vetika_kit.outboxes import Outboxes, Waiting
from vetika_kit.topics import Stream, Topics
from vetika_kit.wake import Wake

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RelayPolicy:
    """How much a relay takes at once, and how long it rests."""

    batch: int = 400  # documents; one round trip each to MongoDB and Kafka is shared by so many
    sweep: float = 2.0  # seconds after which it looks although no change woke it
    backoff: float = 1.0  # seconds of rest after a failure; each failure in a row doubles it
    backoff_limit: float = 15.0  # seconds


class Relay:
    """One relay process of a service."""

    def __init__(
        self,
        database: "Database[Document]",
        *,
        outboxes: Sequence[str],
        source: str,
        service: str,
        topics: Topics,
        producer: Callable[[], KafkaProducer],
        leases: ShardLeases,
        policy: RelayPolicy | None = None,
    ) -> None:
        self._outboxes = Outboxes(database, names=outboxes)
        self._source = source
        self._service = service
        self._make_producer = producer
        self._producer: KafkaProducer | None = None
        self.leases = leases
        self._policy = policy or RelayPolicy()
        # Its own acknowledgements remove the mark and are not to wake it.
        self._wake = Wake(
            database,
            collections=outboxes,
            match={"updateDescription.removedFields": {"$ne": "outbox.since"}},
        )
        self._stream_topics = {stream: topics.of(service, stream) for stream in Stream}
        self._fetching: Future[list[Waiting]] | None = None
        self._sent: tuple[Sequence[Waiting], Sequence[Any]] | None = None
        self._acknowledging: tuple[Sequence[Waiting], Future[None]] | None = None
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="relay")
        self.ticked_at = time.monotonic()  # when it last came round: a supervisor's sign of life

    @property
    def listening(self) -> bool:
        """Whether a write would wake it."""
        return self._wake.listening

    def run(self, stop: Flag) -> None:
        """Relay until told to stop; then finish the batch at hand and give the shards back."""
        rest = self._policy.backoff
        try:
            while not stop.is_set():
                self.ticked_at = time.monotonic()
                try:
                    self.leases.keep()
                    moved = self.relay_batch()
                    if not moved:
                        self._idle(stop)
                    rest = self._policy.backoff
                except (KafkaError, PyMongoError) as error:
                    logger.warning("relay rests %.0f s: %s", rest, type(error).__name__)
                    metrics.RELAY_FAILURES.labels(reason=type(error).__name__).inc()
                    self._start_over()
                    stop.wait(rest)
                    rest = min(rest * 2, self._policy.backoff_limit)
        finally:
            self.close()

    def _idle(self, stop: Flag) -> None:
        """Sleep until something is written; listening begins before the sweep that makes sure of it."""
        if self._wake.listening:
            self._wake.wait(self._policy.sweep, stop=stop)
        else:
            self._wake.listen()
            if not self._wake.listening:
                self._wake.wait(self._policy.sweep, stop=stop)

    def relay_batch(self) -> bool:
        """Publish what waits in this relay's shards; return whether there was anything to do.

        Three batches are under way at once: one is read while the one before is on its way to Kafka
        and the one before that is being acknowledged.
        """
        batch = self._next_batch()
        if not self.leases.held:  # whoever slept through a lease leaves the batch to the next owner
            batch = []
        before, self._sent = self._sent, (batch, self._send(batch)) if batch else None
        if before:
            self._confirm(*before)
        elif not batch:
            # What was under way may have gained events, and what is late may lie before the last read.
            return self._settle() or self._outboxes.rewind()
        return True

    def _next_batch(self) -> list[Waiting]:
        """Return what waits; after a full batch the one behind it is fetched meanwhile."""
        under_way = [
            waiting.id for stage in (self._sent, self._acknowledging) if stage for waiting in stage[0]
        ]
        fetching, self._fetching = self._fetching, None
        batch = fetching.result() if fetching else self._read(under_way)
        if len(batch) >= self._policy.batch:
            self._wake.close()
            under_way += [waiting.id for waiting in batch]
            self._fetching = self._executor.submit(self._read, under_way)
        return batch

    def _read(self, under_way: Sequence[Any]) -> list[Waiting]:
        return self._outboxes.read(self.leases.held, under_way=under_way, limit=self._policy.batch)

    def _send(self, batch: Sequence[Waiting]) -> list[Any]:
        if self._producer is None:
            self._producer = self._make_producer()
        futures = []
        for waiting in batch:
            for stored in waiting.events:
                event = restored(stored)
                value, headers = encode(event, source=self._source, sequence=stored["seq"])
                futures.append(
                    self._producer.send(
                        self._stream_topics[event.stream],
                        key=event.key.encode(),
                        value=value,
                        headers=headers,
                    )
                )
        return futures

    def _confirm(self, batch: Sequence[Waiting], futures: Sequence[Any]) -> None:
        """Wait until Kafka has every event of a batch, then acknowledge it."""
        for future in futures:
            future.get(timeout=60)
            self.ticked_at = time.monotonic()
        metrics.EVENTS_PUBLISHED.labels(service=self._service).inc(len(futures))
        self._settle()
        self._acknowledging = (batch, self._executor.submit(self._outboxes.acknowledge, batch))

    def _settle(self) -> bool:
        """Wait for the acknowledgement under way; return whether there was one."""
        under_way, self._acknowledging = self._acknowledging, None
        if under_way:
            under_way[1].result()
        return under_way is not None

    def _start_over(self) -> None:
        """Forget everything that may be half done; what was not acknowledged is read again."""
        under_way = [
            future for future in (self._fetching, self._acknowledging and self._acknowledging[1]) if future
        ]
        self._fetching = self._acknowledging = self._sent = None
        for future in under_way:
            future.exception()
        self._outboxes.rewind()
        if self._producer is not None:
            try:
                self._producer.close(timeout=1)
            except KafkaError as error:
                logger.debug("closing the producer: %s", type(error).__name__)
            self._producer = None

    def close(self) -> None:
        """Finish what is under way and give the shards back."""
        try:
            if self._sent:
                self._confirm(*self._sent)
            self._settle()
        except (KafkaError, PyMongoError) as error:
            logger.warning("left to the next relay: %s", type(error).__name__)
        self._start_over()
        self._wake.close()
        self._executor.shutdown()
        try:
            self.leases.release()
        except PyMongoError as error:
            logger.warning("leases are left to end by themselves: %s", type(error).__name__)
