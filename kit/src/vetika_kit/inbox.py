"""Inbox: an event takes effect once, however often it comes.

The effects of a batch, the ids of its events and the position in the partition are written in one
transaction. The position is moved only from the value that this worker knows, so a worker that lost
the partition meanwhile fails its transaction and changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from pymongo import ASCENDING, DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection, ReturnDocument
from pymongo.database import Database
from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    PyMongoError,
    WTimeoutError,
)

from vetika_kit.clock import Clock
from vetika_kit.mongo import Document

Operation = InsertOne[Document] | UpdateOne | UpdateMany | ReplaceOne[Document] | DeleteOne | DeleteMany

REMEMBERED: Final = timedelta(days=30)  # how long a repetition is recognized; positions guard all the rest
_RETRY_LABELS: Final = ("TransientTransactionError", "UnknownTransactionCommitResult", "RetryableWriteError")


class LostPartitionError(Exception):
    """The position is not the one that this worker knows: another worker has the partition."""


def is_transient(error: BaseException) -> bool:
    """Tell whether trying again can help: the database is away or busy, the event is not to blame."""
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError):
        return True
    return isinstance(error, PyMongoError) and any(error.has_error_label(label) for label in _RETRY_LABELS)


class UnitOfWork:
    """One transaction: the effects of a batch of events.

    Stores queue their writes here, and the queue leaves as one bulk write a collection: that is what
    lets a worker handle thousands of events a second. A store that reads what this unit may have
    written calls ``flush`` before.
    """

    def __init__(self, *, database: "Database[Document]", session: ClientSession, clock: Clock) -> None:
        self.database = database
        self.session = session
        self.clock = clock
        self._queued: dict[str, tuple[Collection[Document], list[Operation]]] = {}

    def write(self, collection: "Collection[Document]", *operations: Operation) -> None:
        """Queue writes; those of one collection keep their order."""
        self._queued.setdefault(collection.name, (collection, []))[1].extend(operations)

    def flush(self) -> None:
        """Send what is queued."""
        queued, self._queued = self._queued, {}
        for collection, operations in queued.values():
            collection.bulk_write(operations, ordered=True, session=self.session)


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a group stands in a partition; ``offset`` is the next one to handle, None before the first."""

    topic: str
    partition: int
    offset: int | None

    @property
    def id(self) -> str:
        """The position's document."""
        return f"{self.topic}/{self.partition}"


@dataclass(kw_only=True)
class Batch:
    """What is to be committed together for one partition."""

    position: Position
    next_offset: int
    event_keys: list[str] = field(default_factory=list)
    dead_letters: list[Document] = field(default_factory=list)


class Inbox:
    """The ids of events that have taken effect, and the positions in every partition."""

    def __init__(self, database: "Database[Document]", *, group: str, clock: Clock) -> None:
        self.database = database
        self._group = group
        self._clock = clock
        self._seen = database["inbox"]
        self._positions = database["positions"]
        self._dead_letters = database["dead_letters"]

    def ensure_indexes(self) -> None:
        """Make the indexes; ids of old events leave by themselves."""
        self._seen.create_index(
            "at", expireAfterSeconds=int(REMEMBERED.total_seconds()), name="forget_after_remembered"
        )
        self._dead_letters.create_index([("state", ASCENDING), ("_id", ASCENDING)], name="by_state")

    def position(self, topic: str, partition: int) -> Position:
        """Return where the group stands."""
        found = self._positions.find_one({"_id": f"{topic}/{partition}"})
        return Position(topic=topic, partition=partition, offset=found["offset"] if found else None)

    def begin(self, position: Position, *, offset: int) -> Position:
        """Remember where a partition is begun before its first event, and return where the group stands.

        Else a log that lost its beginning while the worker slept would look like one that begins there.
        """
        first = {
            "group": self._group,
            "topic": position.topic,
            "partition": position.partition,
            "offset": offset,
            "at": self._clock.now(),
        }
        found = self._positions.find_one_and_update(
            {"_id": position.id}, {"$setOnInsert": first}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return replace(position, offset=offset if found is None else found["offset"])

    def already_seen(self, keys: Iterable[str], *, session: ClientSession) -> set[str]:
        """Return which of these events have taken effect before."""
        wanted = list(keys)
        if not wanted:
            return set()
        return {
            found["_id"]
            for found in self._seen.find({"_id": {"$in": wanted}}, {"_id": True}, session=session)
        }

    def in_transaction(self, work: Callable[[UnitOfWork], Batch]) -> Batch:
        """Run the work and commit it with its ids, its dead letters and its position.

        Raises:
            LostPartitionError: Another worker moved the position; nothing was changed.
            PyMongoError: The database refused; nothing was changed, or (``UnknownTransactionCommitResult``)
                all was, which the next look at the position tells.
        """
        with self.database.client.start_session() as session, session.start_transaction():
            unit = UnitOfWork(database=self.database, session=session, clock=self._clock)
            batch = work(unit)
            unit.flush()
            self._remember(batch.event_keys, session=session)
            self._put_aside(batch.dead_letters, session=session)
            self._move(batch, session=session)
        return batch

    def in_effect(
        self, key: str, work: Callable[[UnitOfWork], None], *, letter: str, outcome: Mapping[str, Any]
    ) -> bool:
        """Let one event that was put aside take effect after all, and say so in its dead letter.

        Returns:
            Whether it was still waiting for that; another worker may have been faster.
        """
        with self.database.client.start_session() as session, session.start_transaction():
            claimed = self._dead_letters.update_one(
                {"_id": letter, "state": "replay_requested"}, {"$set": dict(outcome)}, session=session
            )
            if claimed.matched_count == 0:
                return False
            if not self.already_seen([key], session=session):
                unit = UnitOfWork(database=self.database, session=session, clock=self._clock)
                work(unit)
                unit.flush()
                self._remember([key], session=session)
        return True

    def _remember(self, keys: Sequence[str], *, session: ClientSession) -> None:
        if keys:
            now = self._clock.now()
            self._seen.insert_many([{"_id": key, "at": now} for key in keys], ordered=False, session=session)

    def _put_aside(self, letters: Sequence[Document], *, session: ClientSession) -> None:
        if letters:
            self._dead_letters.bulk_write(
                [ReplaceOne({"_id": letter["_id"]}, letter, upsert=True) for letter in letters],
                session=session,
            )

    def _move(self, batch: Batch, *, session: ClientSession) -> None:
        position = batch.position
        moved = {"offset": batch.next_offset, "at": self._clock.now()}
        if position.offset is None:
            try:
                self._positions.insert_one(
                    {
                        "_id": position.id,
                        "group": self._group,
                        "topic": position.topic,
                        "partition": position.partition,
                        **moved,
                    },
                    session=session,
                )
            except DuplicateKeyError as error:
                raise LostPartitionError(position.id) from error
            return
        result = self._positions.update_one(
            {"_id": position.id, "offset": position.offset}, {"$set": moved}, session=session
        )
        if result.matched_count == 0:
            raise LostPartitionError(position.id)
