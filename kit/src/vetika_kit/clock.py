"""Time as a value that can be given."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; tests give their own."""

    def now(self) -> datetime:
        """Return the present moment: aware, UTC, in whole milliseconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, cut to the milliseconds that MongoDB keeps.

        A value must compare equal after a round trip through the database.
        """
        moment = datetime.now(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
