"""Progress: what a worker knows of itself, for whoever asks how it is."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from kafka import TopicPartition


@dataclass(kw_only=True)
class Progress:
    """What a supervisor may want to know; times are monotonic seconds."""

    ticked_at: float = field(default_factory=time.monotonic)  # when it last came round
    looked_at: float | None = None  # when Kafka and the database last told how far it is behind
    lag: int = 0
    stuck: Sequence[TopicPartition] = ()  # partitions with lag that have not moved for too long
    wedged: bool = False  # one of them for no reason that is known
    halted: bool = False
    reason: str | None = None  # of the halt
    remedy: str | None = None  # the command that mends it
