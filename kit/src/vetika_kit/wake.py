"""Wake: sleeps until a collection changes, so that work is taken up in milliseconds and not by polling."""

import logging
import time
from collections.abc import Mapping, Sequence
from threading import Event as Flag
from typing import Any, Final

from pymongo.change_stream import DatabaseChangeStream
from pymongo.database import Database
from pymongo.errors import PyMongoError

from vetika_kit.mongo import Document

logger = logging.getLogger(__name__)

_REST_AFTER_FAILURE: Final = 0.5  # seconds
_LOOK: Final = 250  # milliseconds that the database may hold one look before it answers that nothing changed


class Wake:
    """A change stream that is only ever a bell: whoever wakes looks for the work itself.

    A bell that is missed costs nothing but the time until the next sweep. While its owner is busy the
    stream is closed, so that a burst is not also read through here.
    """

    def __init__(
        self,
        database: "Database[Document]",
        *,
        collections: Sequence[str],
        match: Mapping[str, Any] | None = None,
    ) -> None:
        self._database = database
        self._pipeline: list[Mapping[str, Any]] = [
            {"$match": {"ns.coll": {"$in": list(collections)}, "operationType": {"$ne": "delete"}}},
            *([{"$match": match}] if match else []),
            {"$project": {"_id": True}},
        ]
        self._stream: DatabaseChangeStream[Document] | None = None

    @property
    def listening(self) -> bool:
        """Whether changes from now on are heard; a sweep after this became true misses nothing."""
        return self._stream is not None and self._stream.alive

    def listen(self) -> None:
        """Begin to listen; a failure is logged and leaves the sweep to do the work."""
        if self.listening:
            return
        try:
            self._stream = self._database.watch(self._pipeline, max_await_time_ms=_LOOK)
        except PyMongoError as error:
            logger.warning("cannot listen for changes: %s", type(error).__name__)
            self._stream = None

    def wait(self, seconds: float, *, stop: Flag) -> bool:
        """Sleep until something changes, the time is over or `stop` is set; return whether something changed.

        Whoever sets `stop` is heard within the quarter of a second that one look at the stream takes.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not stop.is_set():
            if self._stream is None:
                stop.wait(min(left, _REST_AFTER_FAILURE))
                return False
            try:
                if self._stream.try_next() is not None:
                    return True
            except PyMongoError as error:
                logger.warning("stopped listening for changes: %s", type(error).__name__)
                self.close()
        return False

    def close(self) -> None:
        """Stop listening."""
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.close()
            except PyMongoError as error:
                logger.debug("closing the change stream: %s", type(error).__name__)
