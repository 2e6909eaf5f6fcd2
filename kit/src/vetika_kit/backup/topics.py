"""A service's topics as backup and restore see them: where they begin and end, and what lies between.

Read without a consumer group: nobody's place in the log moves.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from kafka import KafkaConsumer, TopicPartition

from vetika_kit import kafka_clients
from vetika_kit.config import ServiceConfig
from vetika_kit.events import published_by
from vetika_kit.topics import Stream, Topics

if TYPE_CHECKING:
    from vetika_kit.service import Service

_BATCH: Final = 500  # records read at once


@dataclass(frozen=True, kw_only=True)
class TopicState:
    """Where a topic begins and ends, by partition; empty where there is no such topic."""

    id: str  # Kafka's own: a topic that was made anew has another
    begins: Mapping[int, int]
    ends: Mapping[int, int]

    def kept(self) -> dict[str, Any]:
        """Return what an archive keeps of it."""
        return {"id": self.id, "ends": {str(number): end for number, end in self.ends.items()}}


def own_topics(service: "Service", *, coalition: str) -> dict[str, Stream]:
    """Return the topics that a service writes, what it tells of people first."""
    names = Topics(coalition=coalition)
    if service.publishes is None:
        return {}
    streams = {schema.stream for schema in published_by(service.publishes).values()}
    return {names.of(service.name, stream): stream for stream in sorted(streams)}


def heard_topics(service: "Service", *, coalition: str) -> list[str]:
    """Return the topics that a service reads."""
    return list(service.handlers.topics(Topics(coalition=coalition)))


class TopicReader:
    """Reads topics from where one asks to where they end now."""

    def __init__(self, consumer: KafkaConsumer, *, ids: Mapping[str, str]) -> None:
        self._consumer = consumer
        self._ids = ids

    @classmethod
    @contextmanager
    def open(cls, config: ServiceConfig, *, topics: Sequence[str], client_id: str) -> Iterator[Self]:
        """Reach Kafka.

        Raises:
            KafkaError: It does not answer, or the service may not read a topic.
        """
        admin = kafka_clients.admin(config, client_id=client_id)
        try:
            ids = {
                described["name"]: str(described["topic_id"])
                for described in admin.describe_topics(list(topics))
                if not described["error_code"]
            }
        finally:
            admin.close()
        consumer = KafkaConsumer(
            **kafka_clients.connection_settings(config),
            client_id=client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_poll_records=_BATCH,
        )
        try:
            yield cls(consumer, ids=ids)
        finally:
            consumer.close(autocommit=False)

    def state(self, topic: str) -> TopicState:
        """Return where a topic begins and ends."""
        if topic not in self._ids:
            return TopicState(id="", begins={}, ends={})
        partitions = [
            TopicPartition(topic, number) for number in self._consumer.partitions_for_topic(topic) or ()
        ]
        begins = self._consumer.beginning_offsets(partitions)
        ends = self._consumer.end_offsets(partitions)
        return TopicState(
            id=self._ids[topic],
            begins={partition.partition: offset for partition, offset in begins.items()},
            ends={partition.partition: offset for partition, offset in ends.items()},
        )

    def records(self, topic: str, *, since: Mapping[int, int]) -> Iterator[Sequence[Any]]:
        """Return what lies between `since` (by partition) and the end now, in batches."""
        state = self.state(topic)
        unread = {
            TopicPartition(topic, number): max(since.get(number, 0), begin)
            for number, begin in state.begins.items()
            if max(since.get(number, 0), begin) < state.ends[number]
        }
        self._consumer.assign(list(unread))
        for partition, offset in unread.items():
            self._consumer.seek(partition, offset)
        while unread:
            yield from self._consumer.poll(timeout_ms=500).values()
            # What compaction removed has no record: the reader's own place tells how far it has come.
            unread = {
                partition: offset
                for partition in unread
                if (offset := self._consumer.position(partition)) < state.ends[partition.partition]
            }
            self._consumer.pause(*(set(self._consumer.assignment()) - set(unread)))

    def keys(self, topic: str) -> set[str]:
        """Return the keys that a compacted topic has a value for now."""
        found: set[str] = set()
        for records in self.records(topic, since={}):
            for record in records:
                key = (record.key or b"").decode("utf-8", "replace")
                (found.add if record.value is not None else found.discard)(key)
        return found
