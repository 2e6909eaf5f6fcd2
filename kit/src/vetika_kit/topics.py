"""Names of topics and groups, and how topics are kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError


class Stream(StrEnum):
    """The kinds of topic that a service writes."""

    EVENTS = "events"  # what happened, without personal data; partners may read it
    CONTACTS = "contacts"  # how people are reached; compacted, closed to partners


@dataclass(frozen=True, kw_only=True)
class TopicSpec:
    """How a topic is made."""

    name: str
    partitions: int = 6
    retention: timedelta | None = None  # None keeps records for ever
    compacted: bool = False

    def settings(self) -> dict[str, str]:
        """Return the topic's settings by Kafka's names."""
        if self.compacted:
            # A tombstone must reach every reader before it goes, and old values must really go.
            return {
                "cleanup.policy": "compact",
                "delete.retention.ms": _milliseconds(timedelta(days=7)),
                "max.compaction.lag.ms": _milliseconds(timedelta(days=1)),
                "segment.ms": _milliseconds(timedelta(days=1)),
            }
        lasting = "-1" if self.retention is None else _milliseconds(self.retention)
        return {"cleanup.policy": "delete", "retention.ms": lasting}


def _milliseconds(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))


@dataclass(frozen=True, kw_only=True)
class Topics:
    """The names in one coalition; its short name prefixes all, so that coalitions can share a cluster."""

    coalition: str

    def of(self, service: str, stream: Stream) -> str:
        """Return the name of a service's topic."""
        return f"{self.coalition}.{service}.{stream}.v1"

    def events(self, service: str) -> str:
        """Return the name of a service's events topic."""
        return self.of(service, Stream.EVENTS)

    def contacts(self) -> str:
        """Return the name of the contacts topic, which registration owns."""
        return self.of("registration", Stream.CONTACTS)

    def group(self, service: str) -> str:
        """Return the consumer group of a service."""
        return f"{self.coalition}.{service}"

    def spec(self, service: str, stream: Stream) -> TopicSpec:
        """Return how a service's topic is to be made.

        Events stay for two years, so that a partner who joins late can read what led to a forum;
        contacts stay until compaction, which is what makes an erasure final.
        """
        if stream is Stream.CONTACTS:
            return TopicSpec(name=self.of(service, stream), compacted=True)
        return TopicSpec(name=self.of(service, stream), retention=timedelta(days=730))


def create_topics(admin: KafkaAdminClient, specs: Iterable[TopicSpec], *, replication: int = 1) -> list[str]:
    """Make the topics that are missing, and wait until they can be used; return their names."""
    existing = set(admin.list_topics())
    made = []
    for spec in specs:
        if spec.name in existing:
            continue
        try:
            admin.create_topics([_new_topic(spec, replication=replication)])
        except TopicAlreadyExistsError:
            continue
        made.append(spec.name)
    admin.wait_for_topics(made)
    return made


def _new_topic(spec: TopicSpec, *, replication: int) -> NewTopic:
    return NewTopic(spec.name, spec.partitions, replication, topic_configs=spec.settings())
