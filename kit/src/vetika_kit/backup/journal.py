"""Journal: every change of a service's database, kept beside its backups as it happens.

A backup and the journal after it bring back any moment since, to within what is under way at one look at
the change stream: a quarter of a second.
"""

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any, Final

import bson
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from pymongo.change_stream import ChangeStream
from pymongo.errors import OperationFailure, PyMongoError

from vetika_kit.backup import changes, upkeep
from vetika_kit.backup.errors import BackupError
from vetika_kit.backup.sealing import recipients_of, sealed
from vetika_kit.backup.segments import SUFFIX, Head, Segment, SegmentWriter, prefix, segments
from vetika_kit.ids import new_id
from vetika_kit.inbox import is_transient
from vetika_kit.mongo import Document

if TYPE_CHECKING:
    from vetika_kit.service import Context

logger = logging.getLogger(__name__)

_HISTORY_LOST: Final = (280, 286)  # MongoDB's ChangeStreamFatalError and ChangeStreamHistoryLost
_STAGED: Final = f"^{re.escape(upkeep.STAGED)}"
_REST: Final = 1.0  # seconds, while the database is away


@dataclass(frozen=True, kw_only=True)
class JournalPolicy:
    """How a journal is cut."""

    look: int = (
        250  # milliseconds that a look waits for changes: what is at most lost in a crash of everything
    )
    block: int = 1000  # changes in a block
    size: int = 1024 * 1024  # bytes of the changes in a block; one transaction is never divided
    mark: float = 10.0  # seconds after which it says that nothing happened
    segment: int = 64 * 1024 * 1024  # bytes of a file


class Journal:
    """Follows a database and writes down its changes."""

    def __init__(
        self,
        context: "Context",
        folder: Path,
        *,
        recipients: tuple[str, ...] = (),
        policy: JournalPolicy | None = None,
    ) -> None:
        self._context = context
        self._folder = folder
        self._recipients = recipients_of(recipients)
        self._policy = policy or JournalPolicy()
        self._pending: list[RawBSONDocument] = []
        self._pending_size = 0  # bytes
        self._pending_since = 0.0  # monotonic seconds
        self._pending_resume: Mapping[str, Any] | None = None
        self._resume: Mapping[str, Any] | None = None  # after what is written
        self._through = Timestamp(0, 0)
        self._chain = ""
        self._number = 0
        self._writer: SegmentWriter | None = None
        self._marked_at = 0.0
        self.ticked_at = time.monotonic()

    def run(self, stop: Flag) -> None:
        """Follow until told to stop.

        Raises:
            BackupError: The database was replaced, or no longer knows what comes next; what was written is
                good, and the next run begins a new chain, for which a new backup is to be made.
        """
        try:
            self._take_up()
            while not stop.is_set():
                try:
                    with self._stream() as stream:
                        self._follow(stream, stop)
                except PyMongoError as error:
                    self._rest(error, stop)
        finally:
            if self._writer is not None:
                self._writer.close()

    def _rest(self, error: PyMongoError, stop: Flag) -> None:
        if isinstance(error, OperationFailure) and error.code in _HISTORY_LOST:
            self._close_chain("the database no longer knows what comes next")
        if not is_transient(error):
            raise error
        self.ticked_at = time.monotonic()
        logger.warning("the database is away: %s", type(error).__name__)
        self._pending, self._pending_size = [], 0  # it is read again from what was written last
        stop.wait(_REST)

    def _take_up(self) -> None:
        """Go on after the last whole block, or begin a chain."""
        self._folder.mkdir(parents=True, exist_ok=True)
        names = {"coalition": self._context.config.coalition, "service": self._context.service.name}
        found = segments(self._folder, **names)
        taken = [
            int(path.name.removeprefix(prefix(**names)).removesuffix(SUFFIX))
            for path in self._folder.glob(f"{prefix(**names)}*{SUFFIX}")
            if path.name.removeprefix(prefix(**names)).removesuffix(SUFFIX).isdigit()
        ]
        self._number = max(taken, default=0)
        if found and self._go_on_after(found[-1]):
            logger.info("journal goes on", extra={"segment": found[-1].number})
        else:
            self._chain = new_id()
            reply = self._context.database.command("ping")
            self._through = reply["operationTime"]
        self._begin_segment()

    def _go_on_after(self, last: Segment) -> bool:
        self._chain, self._through, self._resume = last.head.chain, last.head.after, last.head.resume
        for block in last.blocks():
            if block["kind"] == "end":
                self._resume = None
                return False
            self._through = block["through"]
            self._resume = block["resume"]
        return True

    def _begin_segment(self) -> None:
        self._number += 1
        names = {"coalition": self._context.config.coalition, "service": self._context.service.name}
        path = self._folder / f"{prefix(**names)}{self._number:08d}{SUFFIX}"
        head = Head(chain=self._chain, after=self._through, resume=self._resume, **names)
        if self._writer is not None:
            self._writer.close()
        self._writer = SegmentWriter(path, head)

    def _stream(self) -> ChangeStream[Document]:
        begin: dict[str, Any] = (
            {"start_at_operation_time": self._through}
            if self._resume is None
            else {"resume_after": self._resume}
        )
        return self._context.database.watch(
            [{"$match": {"$or": [{"operationType": "rename"}, {"ns.coll": {"$not": {"$regex": _STAGED}}}]}}],
            max_await_time_ms=self._policy.look,
            **begin,
        )

    def _follow(self, stream: ChangeStream[Document], stop: Flag) -> None:
        while not stop.is_set() and stream.alive:
            self.ticked_at = time.monotonic()
            event = stream.try_next()
            if event is None:
                # All that was committed is here: what is pending is whole transactions.
                self._write()
                self._mark(stream.resume_token)
                continue
            if event["operationType"] not in changes.OF_DOCUMENTS:
                self._write()
                self._close_chain(f"the database was changed in kind ({event['operationType']})")
            if event["ns"]["coll"] in upkeep.OF_THE_LIVING or event["clusterTime"] <= self._through:
                continue
            if self._due and event["clusterTime"] != changes.moment(self._pending[-1]):
                self._write()
            if not self._pending:
                self._pending_since = time.monotonic()
            self._pending.append(RawBSONDocument(bson.encode(changes.kept(event))))
            self._pending_size += len(self._pending[-1].raw)
            self._pending_resume = event["_id"]

    @property
    def _due(self) -> bool:
        """Whether what is pending is to be written though more may come at once."""
        if not self._pending:
            return False
        waited = time.monotonic() - self._pending_since
        full = len(self._pending) >= self._policy.block or self._pending_size >= self._policy.size
        return full or waited * 1000 >= self._policy.look

    def _write(self) -> None:
        if not self._pending:
            return
        body = sealed(bson.encode({"changes": self._pending}), recipients=self._recipients)
        self._append(
            "changes", through=changes.moment(self._pending[-1]), resume=self._pending_resume, body=body
        )
        self._pending, self._pending_size = [], 0

    def _mark(self, token: Mapping[str, Any] | None) -> None:
        """Say from time to time that nothing happened; MongoDB forgets where an old token stood."""
        if token is not None and time.monotonic() - self._marked_at >= self._policy.mark:
            self._append("mark", through=self._through, resume=token)

    def _append(
        self, kind: str, *, through: Timestamp, resume: Mapping[str, Any] | None, **more: object
    ) -> None:
        if self._writer is None or self._writer.size >= self._policy.segment:
            self._begin_segment()
        if self._writer is not None:
            written_at = self._context.clock.now()
            self._writer.append(
                {"kind": kind, "through": through, "resume": resume, "written_at": written_at, **more}
            )
        self._through, self._resume = through, resume
        self._marked_at = time.monotonic()

    def _close_chain(self, why: str) -> None:
        self._append("end", through=self._through, resume=None, why=why)
        raise BackupError(f"{why}: the journal ends here; start it again and make a new backup")
