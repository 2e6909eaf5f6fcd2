"""Restore: an archive is loaded beside what is there, and put in place only when all of it was read.

Until the archive's end has proved it whole, nothing that the service uses is touched. Then the word that a
restore is under way lies in the database, and no process of the service starts until it is taken away:
whatever kills a restore, the same command run again completes it.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from pymongo import IndexModel
from pymongo.database import Database

from vetika_kit.backup import changes, upkeep
from vetika_kit.backup.archive import Frame, Header
from vetika_kit.backup.errors import ArchiveError, BackupError
from vetika_kit.backup.hearing import catch_up
from vetika_kit.backup.own_stream import OwnStream
from vetika_kit.mongo import Document

if TYPE_CHECKING:
    from vetika_kit.service import Context

logger = logging.getLogger(__name__)

WORK: Final = "restore"
_STAGED: Final = f"^{re.escape(upkeep.STAGED)}"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What came of a restore."""

    header: Header
    documents: int
    changes: int  # from the journal
    taken_back: Mapping[str, int]  # from the service's own topics
    halted: str | None  # why not everything was heard that others told since; None: it was


class Restore:
    """One restore of one service's database."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._database: Database[Document] = context.database
        self._counts: Counter[str] = Counter()

    def run(self, frames: Iterator[Frame], *, replace: bool, from_stream: bool = True) -> Restored:
        """Put an archive in the place of what is in the database.

        Args:
            frames: The archive's, its end checked by whoever gives them (`archive.read`).
            replace: Whether what is there may be replaced.
            from_stream: Whether to take back from the own topics what the archive does not know, and to
                hear what others told since.

        Raises:
            ArchiveError: The archive is torn, damaged or somebody else's; nothing was changed.
            BackupError: There is something in the database already; nothing was changed.
            KafkaError: Kafka does not answer; the archive is in place, and the same again completes it.
        """
        if not (replace or self._may_be_filled()):
            raise BackupError("the database is not empty: say --replace to put the archive in its place")
        header = self._header(frames)
        self._drop_staged()
        try:
            names = self._load(frames)
        except BaseException:
            self._drop_staged()
            raise
        upkeep.begin(self._database, WORK, state="replacing", cluster_time=header.cluster_time)
        self._put_in_place(names)
        upkeep.note(self._database, WORK, state="taking_back")
        taken_back: Mapping[str, int] = {}
        recovery = self._context.service.recovery
        if from_stream and recovery is not None:
            taken_back = OwnStream(self._context, recovery, streams=header.streams).recover()
        service, config = self._context.service, self._context.config
        service.prepare(self._database, coalition=config.coalition, clock=self._context.clock)
        halted = catch_up(self._context) if from_stream else None
        upkeep.end(self._database, WORK)
        return Restored(
            header=header,
            documents=self._counts["documents"],
            changes=self._counts["changes"],
            taken_back=taken_back,
            halted=halted,
        )

    def _may_be_filled(self) -> bool:
        if upkeep.facts_of(self._database, WORK) is not None:
            return True
        return not any(
            self._database[name].find_one({}, {"_id": True}) for name in upkeep.collections(self._database)
        )

    def _header(self, frames: Iterator[Frame]) -> Header:
        first = next(frames, None)
        if first is None:
            raise ArchiveError("it is empty")
        header = Header.of(first)
        header.check(service=self._context.service.name, coalition=self._context.config.coalition)
        return header

    def _load(self, frames: Iterator[Frame]) -> list[str]:
        """Fill the staged collections; return their names as they are to be."""
        indexes: dict[str, list[Mapping[str, Any]]] = {}
        for frame in frames:
            match frame["kind"]:
                case "collection":
                    name = frame["name"]
                    self._database.create_collection(self._staged(name), **frame["options"])
                    indexes[name] = frame["indexes"]
                case "documents":
                    self._database[self._staged(frame["collection"])].insert_many(frame["documents"])
                    self._counts["documents"] += len(frame["documents"])
                case "changes":
                    self._redo(frame["changes"])
                case kind:
                    raise ArchiveError(f"it holds what this version does not know ({kind})")
        for name, described in indexes.items():
            self._index(self._staged(name), described)
        staged = self._database.list_collection_names(filter={"name": {"$regex": _STAGED}})
        return sorted(name.removeprefix(upkeep.STAGED) for name in staged)

    def _redo(self, done: list[changes.Change]) -> None:
        # A transaction of the journal comes whole; between collections its order does not matter.
        for name, some in groupby(done, key=lambda change: change["collection"]):
            if name not in upkeep.OF_THE_LIVING:
                changed = list(some)
                changes.redo(self._database[self._staged(name)], changed)
                self._counts["changes"] += len(changed)

    def _index(self, collection: str, described: list[Mapping[str, Any]]) -> None:
        models = []
        for index in described:
            if index["name"] != "_id_":
                options = {
                    name: value
                    for name, value in index.items()
                    if name not in {"key", "v", "ns", "background"}
                }
                models.append(IndexModel(list(index["key"].items()), **options))
        if models:
            self._database[collection].create_indexes(models)

    def _put_in_place(self, names: list[str]) -> None:
        for name in names:
            self._database[self._staged(name)].rename(name, dropTarget=True)
        for name in set(upkeep.collections(self._database)) - set(names):
            self._database.drop_collection(name)
        # Leases and signs of life are of processes that served what was there before.
        for name in upkeep.OF_THE_LIVING - {upkeep.COLLECTION}:
            self._database.drop_collection(name)

    def _drop_staged(self) -> None:
        for name in self._database.list_collection_names(filter={"name": {"$regex": _STAGED}}):
            self._database.drop_collection(name)

    @staticmethod
    def _staged(name: str) -> str:
        return f"{upkeep.STAGED}{name}"
