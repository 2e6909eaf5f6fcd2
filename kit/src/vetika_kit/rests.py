"""Rests: how long a partition that failed for now is left alone before it is tried again."""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass

from kafka import TopicPartition


@dataclass(kw_only=True)
class _Rest:
    until: float  # by the monotonic clock, in seconds
    length: float  # seconds


class Rests:
    """The partitions of a worker that failed for now; each failure in a row doubles the rest."""

    def __init__(self, *, first: float, limit: float) -> None:
        self._first = first
        self._limit = limit
        self._rests: dict[TopicPartition, _Rest] = {}

    def begin(self, partition: TopicPartition) -> float:
        """Let a partition rest; return for how many seconds.

        The rest varies by half, so that two workers whose writes met do not meet again and again.
        """
        last = self._rests.get(partition)
        length = min(last.length * 2, self._limit) if last else self._first
        varied = length * random.uniform(0.5, 1.5)  # noqa: S311 - chance is wanted here, not secrecy
        self._rests[partition] = _Rest(until=time.monotonic() + varied, length=length)
        return varied

    def __contains__(self, partition: object) -> bool:
        """Tell whether a partition failed and has not moved since."""
        return partition in self._rests

    def over(self) -> Iterable[TopicPartition]:
        """Return the partitions to be tried again."""
        now = time.monotonic()
        return [partition for partition, rest in self._rests.items() if rest.until <= now]

    def forget(self, partition: TopicPartition) -> None:
        """Begin with a short rest again: the partition moved, or is another worker's."""
        self._rests.pop(partition, None)

    def clear(self) -> None:
        """Forget all."""
        self._rests.clear()
