"""How many messages may leave in a second."""

from dataclasses import dataclass


@dataclass(kw_only=True)
class Allowance:
    """A token bucket: a provider cuts off who sends faster than agreed.

    It holds at most one second's worth, so that a pause does not end in a burst. Seconds are given by
    the caller, of any clock that only goes forward.
    """

    per_second: float | None  # None: no limit
    _tokens: float = 1.0
    _at: float | None = None

    def grant(self, wanted: int, *, now: float) -> int:
        """Return how many of those wanted may leave now."""
        if self.per_second is None:
            return wanted
        self._fill(now)
        granted = min(wanted, int(self._tokens))
        self._tokens -= granted
        return granted

    def give_back(self, unused: int) -> None:
        """Take back what was granted and not needed."""
        self._tokens += unused

    def pause(self) -> float:
        """Return the seconds until at least one more may leave."""
        if self.per_second is None or self._tokens >= 1:
            return 0.0
        return (1 - self._tokens) / self.per_second

    def _fill(self, now: float) -> None:
        rate = self.per_second or 0.0
        if self._at is not None:
            self._tokens = min(max(1.0, rate), self._tokens + (now - self._at) * rate)
        self._at = now
