"""When a delivery is tried again, and when it is not any more."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

_EXPONENT_LIMIT = 64  # 2**64 first delays pass every longest delay; beyond it floats would overflow


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with jitter, and an end.

    A mail server that greylists wants minutes, one under repair hours: delays grow by `factor` from
    `first_delay` to `longest_delay`. Jitter spreads the deliveries that one outage left behind, so
    that they do not come back at the same second. After `attempts` the delivery has failed.
    """

    first_delay: timedelta
    longest_delay: timedelta
    attempts: int
    factor: float = 2.0
    jitter: float = 0.2  # the share of a delay by which it may be shorter or longer

    def delay(self, *, attempt: int, seed: str) -> timedelta:
        """The pause after attempt number `attempt` (from 1); the same seed gives the same pause."""
        grown = self.first_delay.total_seconds() * self.factor ** min(attempt - 1, _EXPONENT_LIMIT)
        bounded = min(grown, self.longest_delay.total_seconds())
        spread = 1 + self.jitter * _between_minus_one_and_one(f"{seed}/{attempt}")
        return timedelta(seconds=bounded * spread)

    def next_attempt(
        self, *, attempt: int, seed: str, now: datetime, not_before: timedelta | None = None
    ) -> datetime | None:
        """When to try again after attempt number `attempt` failed for now; None when it was the last.

        `not_before` is the pause that the other side asked for; a longer one than ours is honoured.
        """
        if attempt >= self.attempts:
            return None
        pause = self.delay(attempt=attempt, seed=seed)
        if not_before is not None:
            pause = max(pause, not_before)
        return now + pause


def _between_minus_one_and_one(seed: str) -> float:
    number = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "big")
    return number / (1 << 63) - 1
