"""Lags: how far a worker is behind in each of its partitions, and which of them do not get on.

Each partition is judged by itself: in a sum, one that stands would hide behind those that move.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from vetika_kit import metrics

_ENDS: Final = 5_000  # milliseconds to wait for the ends of the log; a worker must come round meanwhile
_POSITION: Final = 1_000  # milliseconds to wait for the place of a partition that has just been given


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a worker is in a partition."""

    position: int  # offset of the event that comes next
    lag: int  # events that are not handled yet


@dataclass(frozen=True, kw_only=True)
class _Seen:
    place: Place
    moved_at: float  # monotonic seconds; when it last moved, or had nowhere to move to


class Movement:
    """What the last looks at a worker's partitions showed."""

    def __init__(self) -> None:
        self._seen: dict[TopicPartition, _Seen] = {}

    def look(
        self, places: Mapping[TopicPartition, Place], *, held: Collection[TopicPartition], now: float
    ) -> None:
        """Take in a look.

        Args:
            places: Where the worker is.
            held: Every partition that it has been given. One whose place is not known at this moment is not
                forgotten: a partition that is lost and given back again and again stands as well.
            now: Monotonic seconds.
        """
        self._seen = {partition: seen for partition, seen in self._seen.items() if partition in held}
        for partition, place in places.items():
            before = self._seen.get(partition)
            still = before is not None and place.lag > 0 and place.position == before.place.position
            moved_at = before.moved_at if before is not None and still else now
            self._seen[partition] = _Seen(place=place, moved_at=moved_at)

    def standing(self, *, seconds: float, now: float) -> list[TopicPartition]:
        """Return the partitions that have had something to do, and have not moved, for so long."""
        return sorted(
            partition
            for partition, seen in self._seen.items()
            if seen.place.lag > 0 and now - seen.moved_at >= seconds
        )

    def clear(self) -> None:
        """Forget all."""
        self._seen.clear()


class Lags:
    """The partitions of one worker, as its looks show them to operators and to Prometheus."""

    def __init__(self, *, topics: Sequence[str], stuck_after: float) -> None:
        self._topics = topics
        self._stuck_after = stuck_after
        self._movement = Movement()
        self._shown: set[TopicPartition] = set()

    def look(
        self, consumer: KafkaConsumer, placed: Iterable[TopicPartition]
    ) -> tuple[Mapping[TopicPartition, int], Mapping[TopicPartition, int]]:
        """Ask Kafka where its partitions end; return the ends, and how far each is from it.

        Raises:
            KafkaError: Kafka does not answer.
        """
        held = consumer.assignment()
        mine = [partition for partition in placed if partition in held]
        # One that has no partition asks for the end of any: that Kafka answers is part of the look.
        asked = mine or [TopicPartition(topic, 0) for topic in self._topics[:1]]
        told: Mapping[TopicPartition, int] = consumer.end_offsets(asked, timeout_ms=_ENDS) if asked else {}
        ends = {partition: told[partition] for partition in mine}
        places = {}
        for partition, end in ends.items():
            # Stored positions move past what compaction removed only with the next event; the consumer's own
            # is past it, for nothing is owed for the gap.
            position = consumer.position(partition, timeout_ms=_POSITION) or 0
            places[partition] = Place(position=position, lag=max(0, end - position))
        self._movement.look(places, held=held, now=time.monotonic())
        lags = {partition: place.lag for partition, place in places.items()}
        self._show(lags)
        return ends, lags

    def stuck(self) -> list[TopicPartition]:
        """Return the partitions that had something to do and did not move for too long."""
        return self._movement.standing(seconds=self._stuck_after, now=time.monotonic())

    def clear(self) -> None:
        """Forget all: the partitions are others' now."""
        self._movement.clear()
        self._show({})

    def _show(self, lags: Mapping[TopicPartition, int]) -> None:
        # What is not this worker's any more must not go on to be shown with the lag that it had then.
        for topic, partition in self._shown - lags.keys():
            metrics.CONSUMER_LAG.remove(topic, str(partition))
        for (topic, partition), lag in lags.items():
            metrics.CONSUMER_LAG.labels(topic=topic, partition=str(partition)).set(lag)
        self._shown = set(lags)
