"""Reads a service's own topics and lets its ``recovers.py`` put back what they tell."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from vetika_kit.backup.recovery import Afterwards, Recovery
from vetika_kit.backup.topics import TopicReader, heard_topics, own_topics
from vetika_kit.cloudevents import UnreadableEventError, decode, type_of
from vetika_kit.handlers import Handler, Handlers
from vetika_kit.inbox import UnitOfWork, is_transient
from vetika_kit.topics import Stream, Topics

if TYPE_CHECKING:
    from vetika_kit.events import Received
    from vetika_kit.service import Context

logger = logging.getLogger(__name__)

Streams = Mapping[str, Mapping[str, Any]]  # by topic: its id and its ends, as an archive keeps them


class OwnStream:
    """One recovery of one service."""

    def __init__(self, context: "Context", recovery: Recovery, *, streams: Streams) -> None:
        """Prepare to read.

        Args:
            context: The service; no other process of it runs.
            recovery: What it declares.
            streams: Where the topics ended when the archive was written; what is missing is read whole.
        """
        self._context = context
        self._recovery = recovery
        self._streams = streams
        self._handlers = Handlers.in_module(recovery.module)
        self.counts: Counter[str] = Counter()

    def recover(self) -> Mapping[str, int]:
        """Put back what the topics tell; return how many events of each type, and what else was done.

        Again changes nothing more.

        Raises:
            KafkaError: Kafka does not answer, or the service may not read its own topics.
        """
        service, config = self._context.service, self._context.config
        own = own_topics(service, coalition=config.coalition)
        names = [*own, *heard_topics(service, coalition=config.coalition)]
        with TopicReader.open(config, topics=names, client_id=self._context.name) as reader:
            for topic, stream in own.items():
                self._read(reader, topic, stream)
            done = self._recovery.finish(
                Afterwards(
                    database=self._context.database,
                    config=config,
                    clock=self._context.clock,
                    keys=lambda of, stream: self._keys(reader, of, stream),
                )
            )
        self.counts.update(done)
        return self.counts

    def _read(self, reader: TopicReader, topic: str, stream: Stream) -> None:
        told = self._streams.get(topic)
        since: dict[int, int] = {}
        if told is not None and told["id"] == reader.state(topic).id:
            since = {int(number): end for number, end in told["ends"].items()}
        # A compacted topic is read whole: what a newer document needs may be an older record.
        begin = {} if stream is Stream.CONTACTS else since
        again: list[Any] = []
        for records in reader.records(topic, since=begin):
            news = [
                record
                for record in records
                # An erasure of before is part of the backup, and may be of somebody who came back since.
                if record.value is not None or record.offset >= since.get(record.partition, 0)
            ]
            again += self._take(news, stream)
        # One aggregate may have to wait for another of the same topic (who left, before who came).
        while again and len(left := self._take(again, stream, singly=True)) < len(again):
            again = left
        for record in again:
            logger.error("not taken back: %s/%d/%d", record.topic, record.partition, record.offset)
            self.counts["events that could not be taken back"] += 1

    def _take(self, records: Sequence[Any], stream: Stream, *, singly: bool = False) -> list[Any]:
        """Take records back, in one transaction where that can be; return those that failed."""
        wanted = [
            (record, found) for record in records if (found := self._decoded(record, stream)) is not None
        ]
        if not wanted:
            return []
        if not singly:
            try:
                self._commit([found for _, found in wanted])
            except Exception as error:
                if is_transient(error):
                    raise
            else:
                return []
        failed = []
        for record, found in wanted:
            try:
                self._commit([found])
            except Exception as error:
                if is_transient(error):
                    raise
                logger.warning("an own event waits or fails: %s", type(error).__name__)
                failed.append(record)
        return failed

    def _commit(self, events: "Sequence[tuple[Received, Handler]]") -> None:
        context = self._context
        with context.database.client.start_session() as session, session.start_transaction():
            unit = UnitOfWork(database=context.database, session=session, clock=context.clock)
            stores = self._recovery.stores(unit, context.config)
            for event, handler in events:
                handler.handle(event, stores=stores)
            unit.flush()
        self.counts.update(event.type for event, _ in events)

    def _decoded(self, record: Any, stream: Stream) -> "tuple[Received, Handler] | None":
        headers = record.headers or []
        key = (record.key or b"").decode("utf-8", "replace")
        try:
            type_ = type_of(record.value, headers)
            handler = self._handlers.find(service=self._context.service.name, stream=stream, type_=type_)
            if handler is None:
                return None
            return decode(record.value, headers, key=key, reads=handler.reads), handler
        except (UnreadableEventError, ValidationError) as error:
            place = (record.topic, record.partition, record.offset)
            logger.error("not readable: %s/%d/%d: %s", *place, type(error).__name__)  # noqa: TRY400 - a stack says no more
            self.counts["events that cannot be read"] += 1
            return None

    def _keys(self, reader: TopicReader, service: str, stream: Stream) -> frozenset[str] | None:
        topic = Topics(coalition=self._context.config.coalition).of(service, stream)
        told = self._streams.get(topic)
        if told is None or not told["id"] or told["id"] != reader.state(topic).id:
            return None
        return frozenset(reader.keys(topic))
