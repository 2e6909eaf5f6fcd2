"""Back-pressure: while events cannot leave for too long, writes are refused instead of piling up."""

import logging
import threading
import time
from typing import Final

import pymongo
from pymongo.database import Database
from pymongo.errors import PyMongoError

from vetika_kit.clock import Clock
from vetika_kit.http.problems import Problem
from vetika_kit.mongo import Document
from vetika_kit.outboxes import oldest_waiting

_LOOK_AGAIN: Final = 1.0  # seconds for which a look is good
_PATIENCE: Final = 0.5  # seconds that a look may take
_MUTATING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_logger: Final = logging.getLogger(__name__)


class OutboxGauge:
    """Knows the oldest waiting event's age, not more than a second old.

    One thread looks while the others go on with what is known. When the look itself fails nothing is refused:
    the write finds out by itself whether the database is there.
    """

    def __init__(
        self, database: "Database[Document]", collections: tuple[str, ...], *, limit: float, clock: Clock
    ) -> None:
        self._database = database
        self._collections = collections
        self._limit = limit
        self._clock = clock
        self._looking = threading.Lock()
        self._looked_at = float("-inf")
        self._full = False

    def check(self, method: str, path: str) -> None:
        """Refuse writes under /v1 while the outbox is full.

        Raises:
            Problem: 503 with ``Retry-After``.
        """
        if method not in _MUTATING or not path.startswith("/v1/"):
            return
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_AGAIN and self._looking.acquire(blocking=False):
            try:
                self._full = self._is_full()
                self._looked_at = time.monotonic()
            finally:
                self._looking.release()
        if self._full:
            raise Problem(
                503,
                "outbox-full",
                "Events could not leave for too long, so nothing new is taken in; try again later.",
                headers={"Retry-After": "30"},
            )

    def _is_full(self) -> bool:
        try:
            with pymongo.timeout(_PATIENCE):
                age = oldest_waiting(self._database, self._collections, clock=self._clock)
        except PyMongoError as error:
            _logger.warning("the outbox's age cannot be read", extra={"error": type(error).__name__})
            return False
        return age is not None and age > self._limit
