"""What relay and worker answer when a supervisor asks how they are.

``/livez`` asks whether a new start would help, ``/readyz`` whether the process does its work. A new
start brings neither MongoDB nor Kafka back, so what is away fails the second question alone.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vetika_kit.worker import Worker

STILL: Final = 60.0  # seconds after which a process that does not come round counts as dead


@dataclass(frozen=True, kw_only=True)
class Health:
    """A process's answer to one question about itself."""

    good: bool
    details: Mapping[str, Any] = field(default_factory=dict)  # for operators; nothing of a person


def readiness(*, live: Callable[[], Health], ready: Callable[[], Health]) -> Health:
    """Return whether a process does its work, with all that it says of itself."""
    lives = live()
    if not lives.good:
        return lives
    works = ready()
    return Health(good=works.good, details={**lives.details, **works.details})


def coming_round(*ticked_at: float) -> Health:
    """Return whether every loop of a process comes round.

    Args:
        ticked_at: Monotonic seconds at which each last did.
    """
    still = time.monotonic() - min(ticked_at)
    return Health(good=still < STILL, details={"seconds_since_round": round(still, 1)})


def relay_works(*, outbox_age: float, limit: float) -> Health:
    """Return whether events leave.

    Args:
        outbox_age: Seconds that the oldest has waited; not a number while the database does not say.
        limit: Seconds that it may wait.
    """
    if math.isnan(outbox_age):
        return Health(good=False, details={"mongodb": "away", "oldest_event_seconds": None})
    return Health(good=outbox_age < limit, details={"oldest_event_seconds": round(outbox_age, 1)})


def worker_lives(worker: Worker) -> Health:
    """Return whether a new start of a worker would not help."""
    still = time.monotonic() - worker.progress.ticked_at
    return Health(
        good=worker.alive,
        details={"seconds_since_round": round(still, 1), "lag": worker.progress.lag},
    )


def worker_works(worker: Worker) -> Health:
    """Return whether a worker gets on in every partition."""
    progress = worker.progress
    since = None if progress.looked_at is None else round(time.monotonic() - progress.looked_at, 1)
    return Health(
        good=worker.healthy,
        details={
            "halted": progress.halted,
            "reason": progress.reason,
            "remedy": progress.remedy,
            "stuck": [f"{topic}/{partition}" for topic, partition in progress.stuck],
            "seconds_since_look": since,  # at the log's ends and the database
        },
    )
