"""Outflow: whether anything leaves on a channel."""

from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, kw_only=True)
class OutflowPolicy:
    """When a channel counts as stopped."""

    patience: float = 60.0  # seconds without anything leaving; a message takes a few, an outage minutes
    # Deliveries that came back one after the other, and none left: a single one may have a busy mailbox.
    returned: int = 3


class Outflow:
    """What became of one sender's last attempts on a channel; its threads share it. Times are monotonic."""

    def __init__(self, *, now: float, policy: OutflowPolicy | None = None) -> None:
        self._policy = policy or OutflowPolicy()
        self._lock = Lock()
        self._ended_at = now  # when an attempt last ended, however
        self._returned: set[str] = set()  # deliveries that came back since the last one left
        self._returning_since = now

    def left(self, *, now: float) -> None:
        """Take in that a delivery is done with: the other side took it, or it is refused for good."""
        with self._lock:
            self._ended_at = now
            self._returned.clear()

    def came_back(self, delivery_id: str, *, now: float) -> None:
        """Take in that a delivery must be tried again."""
        with self._lock:
            self._ended_at = now
            if not self._returned:
                self._returning_since = now
            if len(self._returned) < self._policy.returned:
                self._returned.add(delivery_id)

    def stopped(self, *, oldest_due: float, now: float) -> bool:
        """Whether what should leave does not.

        Args:
            oldest_due: Seconds for which the oldest due delivery of the channel has been due.
            now: Monotonic seconds.
        """
        patience = self._policy.patience
        with self._lock:
            nothing_tried = oldest_due >= patience and now - self._ended_at >= patience
            all_return = len(self._returned) >= self._policy.returned
            return nothing_tried or (all_return and now - self._returning_since >= patience)
