"""A partner: a system that reads the events."""

import json
import secrets
from typing import Any

from kafka import KafkaConsumer

from vetika_cli.platform import Platform
from vetika_cli.topology import declared_topics


class Partner:
    """A partner's system: a consumer group of its own on every events topic, from the beginning."""

    def __init__(self, platform: Platform) -> None:
        coalition = platform.installation.coalition
        self.records: list[Any] = []  # as they came, those that are no event among them
        self._events: list[dict[str, Any]] = []
        self._consumer = KafkaConsumer(
            bootstrap_servers=platform.installation.kafka_bootstrap,
            group_id=f"{coalition}.partner-{secrets.token_hex(3)}",
            auto_offset_reset="earliest",
        )
        topics = [spec.name for spec in declared_topics(coalition) if not spec.compacted]
        for topic in topics:  # who joins a group before the partitions are known is given none for minutes
            assert self._consumer.partitions_for_topic(topic)
        self._consumer.subscribe(topics)

    def heard(self, **wanted: str) -> list[dict[str, Any]]:
        """Return the events so far whose attributes or data are these, e.g. ``subject=…``, ``forum_id=…``."""
        for records in self._consumer.poll(timeout_ms=200).values():
            for record in records:
                self.records.append(record)
                if event := _event(record.value):
                    self._events.append(event)
        return [
            event
            for event in self._events
            if all(event.get(name, event["data"].get(name)) == value for name, value in wanted.items())
        ]

    def close(self) -> None:
        """Leave."""
        self._consumer.close()


def _event(value: bytes | None) -> dict[str, Any] | None:
    """Read a record as a partner does who skips what is no event."""
    try:
        event = json.loads(value or b"null")
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("data"), dict) else None
