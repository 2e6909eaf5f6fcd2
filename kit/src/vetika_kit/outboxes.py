"""The outboxes of a service as a relay sees them: what waits is read, what was published is dropped."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pymongo import ASCENDING, UpdateOne, WriteConcern
from pymongo.collection import Collection
from pymongo.database import Database

from vetika_kit.clock import Clock
from vetika_kit.mongo import Document

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A document with events that wait."""

    collection: str
    id: Any
    seq: int  # of its last event
    events: Sequence[Document]


class Outboxes:
    """The collections of a service whose documents carry an outbox."""

    def __init__(self, database: "Database[Document]", *, names: Sequence[str]) -> None:
        self._collections: list[Collection[Document]] = [database[name] for name in names]
        # An acknowledgement that a crash of the database undoes costs a repetition, which readers drop.
        self._acknowledged: dict[str, Collection[Document]] = {
            name: database.get_collection(name, write_concern=WriteConcern(w=1, j=False)) for name in names
        }
        self._read_to: dict[str, datetime] = {}  # by collection, how far the last reads have come

    def read(self, shards: Sequence[int], *, under_way: Sequence[Any], limit: int) -> list[Waiting]:
        """Return documents of these shards with events that wait, the oldest of each collection first.

        Args:
            shards: The shards that the relay holds.
            under_way: Ids of documents that are read already and not acknowledged.
            limit: Documents of a collection.
        """
        batch: list[Waiting] = []
        for collection in self._collections if shards else []:
            query: dict[str, Any] = {
                # The index holds no more than what waits; the bound skips what is under way.
                "outbox.since": {"$exists": True, "$gte": self._read_to.get(collection.name, _EARLIEST)},
                "outbox.shard": {"$in": shards},
                "_id": {"$nin": list(under_way)},
            }
            found = (
                collection.find(query, {"outbox": True})
                .sort("outbox.since", ASCENDING)
                .limit(limit)
                .batch_size(limit)
                .hint("outbox_waiting")
            )
            for document in found:
                outbox = document["outbox"]
                self._read_to[collection.name] = outbox["since"]
                batch.append(
                    Waiting(
                        collection=collection.name,
                        id=document["_id"],
                        seq=outbox["seq"],
                        events=outbox["events"],
                    )
                )
        return batch

    def rewind(self) -> bool:
        """Let the next read begin with the oldest; return whether the last one did not."""
        again = bool(self._read_to)
        self._read_to.clear()
        return again

    def acknowledge(self, batch: Sequence[Waiting]) -> None:
        """Drop what was published.

        Most documents are still as they were read, and one command clears all that have the same
        last sequence. A document that gained an event meanwhile keeps that one and stays marked.
        """
        alike: dict[tuple[str, int], list[Any]] = defaultdict(list)
        for waiting in batch:
            alike[waiting.collection, waiting.seq].append(waiting.id)
        cleared = 0
        for (name, seq), ids in alike.items():
            cleared += (
                self._acknowledged[name]
                .update_many(
                    {"_id": {"$in": ids}, "outbox.seq": seq},
                    {"$set": {"outbox.events": []}, "$unset": {"outbox.since": ""}},
                )
                .matched_count
            )
        if cleared < len(batch):
            for name, collection in self._acknowledged.items():
                operations = [_drop_published(waiting) for waiting in batch if waiting.collection == name]
                if operations:
                    collection.bulk_write(operations, ordered=False)


def oldest_waiting(database: "Database[Document]", names: Sequence[str], *, clock: Clock) -> float | None:
    """Return for how many seconds the oldest event of these outboxes has waited; None when none waits."""
    since = []
    for name in names:
        found: dict[str, Any] | None = database[name].find_one(
            {"outbox.since": {"$exists": True}},
            {"_id": False, "outbox.since": True},
            sort=[("outbox.since", ASCENDING)],
        )
        if found is not None:
            since.append(found["outbox"]["since"])
    if not since:
        return None
    age: float = (clock.now() - min(since)).total_seconds()
    return max(0.0, age)


def _drop_published(waiting: Waiting) -> UpdateOne:
    left = {
        "$filter": {"input": "$outbox.events", "as": "event", "cond": {"$gt": ["$$event.seq", waiting.seq]}}
    }
    return UpdateOne(
        {"_id": waiting.id},
        [
            {"$set": {"outbox.events": left}},
            {
                "$set": {
                    "outbox.since": {"$cond": [{"$eq": ["$outbox.events", []]}, "$$REMOVE", "$outbox.since"]}
                }
            },
        ],
    )
