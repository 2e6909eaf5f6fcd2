"""Migrations: small forward changes of stored documents, made while old and new code run side by side.

A service names its migrations in order in a ``migrations.py`` of its own. Nobody stops for one: documents of
both forms lie in a collection while it runs and as long as a process of the version before still writes.
So the code that declares a migration reads both forms, and the version before bears the new one
(``docs/upgrading.md`` has the rule).

Any number of processes may want to begin at once: each migration has a lease, kept by the database's clock,
and whoever holds it works in batches along ``_id``, writing down after each how far it came. Whoever takes
over from one that was killed goes on there. A migration counts as done only when a pass over the whole
collection has found nothing of the old form.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import ASCENDING, ReturnDocument
from pymongo.database import Database

from vetika_kit.mongo import Document

logger = logging.getLogger(__name__)

COLLECTION: Final = "migrations"


class MigrationError(Exception):
    """A migration does not do what it declares."""


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One change of the documents of one collection."""

    name: str  # never changes once it was released: the database remembers it
    doc: str  # one sentence for operators
    collection: str
    old: Mapping[str, Any]  # the filter that finds what still has the old form, and nothing else
    apply: Sequence[Mapping[str, Any]]  # stages of an update that bring one document into the new form


@dataclass(frozen=True, kw_only=True)
class MigrationPolicy:
    """How a migration shares the database with everybody else."""

    batch: int = 500  # documents of one command: short enough that nobody waits for it
    lease: float = 15.0  # seconds after which another goes on for a holder that says nothing
    passes: int = 10  # over the collection in one go; more than that means that old code writes on


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a migration is."""

    name: str
    state: str  # pending, running, done, or unknown to this code
    doc: str = ""
    left: int = 0  # documents of the old form, counted up to `COUNTED`


COUNTED: Final = 10_000


class Migrations:
    """The migrations of a service on its database."""

    def __init__(
        self,
        database: "Database[Document]",
        *,
        declared: Sequence[Migration],
        owner: str,
        policy: MigrationPolicy | None = None,
    ) -> None:
        self._database = database
        self._records = database[COLLECTION]
        self._declared = declared
        self._owner = owner
        self._policy = policy or MigrationPolicy()

    def run(self, stop: threading.Event) -> bool:
        """Apply what is pending, in order; return whether nothing is left to do.

        False when another process is at it, when old code writes on, or when told to stop: the rest
        is for a later call.

        Raises:
            MigrationError: A migration matches documents that it does not change.
        """
        return all(self._is_done(one) or self._apply(one, stop) for one in self._declared)

    def _is_done(self, migration: Migration) -> bool:
        record = self._records.find_one({"_id": migration.name}, {"state": True})
        if record is None or record["state"] != "done":
            return False
        # A process of the version before may have written since.
        return self._database[migration.collection].find_one(dict(migration.old), {"_id": True}) is None

    def _apply(self, migration: Migration, stop: threading.Event) -> bool:
        record = self._claim(migration)
        if record is None:
            return False
        after, from_start = record["after"], record["after"] is None
        for _ in range(self._policy.passes):
            found = 0
            for changed, last in self._pass(migration, after, stop):
                found += changed
                if not self._note(record, _progress(last, changed)):
                    logger.info("migration %s: another process has taken over", migration.name)
                    return False
            if stop.is_set():
                break
            if from_start and found == 0:
                self._finish(record)
                return True
            after, from_start = None, True
        self._note(record, {"owner": None, "expires_at": None})
        return False

    def _pass(self, migration: Migration, after: Any, stop: threading.Event) -> Iterator[tuple[int, Any]]:
        """Bring batches into the new form; yield how many each changed, and the last ``_id`` of each."""
        collection = self._database[migration.collection]
        while not stop.is_set():
            ahead = [] if after is None else [{"_id": {"$gt": after}}]
            found = collection.find({"$and": [dict(migration.old), *ahead]}, {"_id": True})
            ids = [one["_id"] for one in found.sort("_id", ASCENDING).limit(self._policy.batch)]
            if not ids:
                return
            # Looked at once more within the update: somebody may have changed one meanwhile.
            still_old = {"$and": [{"_id": {"$in": ids}}, dict(migration.old)]}
            result = collection.update_many(still_old, [dict(stage) for stage in migration.apply])
            if result.matched_count and not result.modified_count:
                raise MigrationError(
                    f"{migration.name} leaves documents of {migration.collection} as they are"
                )
            after = ids[-1]
            yield result.modified_count, after

    def _claim(self, migration: Migration) -> Document | None:
        """Take the lease; return the migration's record, or None where another holds it."""
        fresh = {
            "state": "pending",
            "owner": None,
            "expires_at": None,
            "epoch": 0,
            "after": None,
            "changed": 0,
        }
        self._records.update_one({"_id": migration.name}, {"$setOnInsert": fresh}, upsert=True)
        free = {"$or": [{"$eq": ["$owner", None]}, {"$lte": ["$expires_at", "$$NOW"]}]}
        return self._records.find_one_and_update(
            {"_id": migration.name, "$expr": free},
            [
                {
                    "$set": {
                        "state": "running",
                        "owner": self._owner,
                        "expires_at": self._expiry(),
                        "epoch": {"$add": ["$epoch", 1]},
                        "started_at": {"$ifNull": ["$started_at", "$$NOW"]},
                    }
                }
            ],
            return_document=ReturnDocument.AFTER,
        )

    def _note(self, record: Document, changes: Mapping[str, Any]) -> bool:
        """Write down progress and renew the lease; return whether it is still ours."""
        mine = {"_id": record["_id"], "owner": self._owner, "epoch": record["epoch"]}
        renewed = {"expires_at": self._expiry(), **changes}
        return self._records.update_one(mine, [{"$set": renewed}]).matched_count == 1

    def _finish(self, record: Document) -> None:
        done = {"state": "done", "owner": None, "expires_at": None, "after": None, "finished_at": "$$NOW"}
        if self._note(record, done):
            logger.info("migration %s is done", record["_id"])

    def _expiry(self) -> dict[str, Any]:
        return {"$add": ["$$NOW", int(self._policy.lease * 1000)]}


def _progress(after: Any, changed: int) -> dict[str, Any]:
    # After a kill the count may lack one batch: it was written, and not written down.
    return {"after": {"$literal": after}, "changed": {"$add": ["$changed", changed]}}


def standings(database: "Database[Document]", declared: Sequence[Migration]) -> list[Standing]:
    """Return how far each declared migration is, and those of the database that this code does not know."""
    records = {record["_id"]: record for record in database[COLLECTION].find()}
    found = []
    for one in declared:
        left = database[one.collection].count_documents(dict(one.old), limit=COUNTED)
        state = records.pop(one.name, {"state": "pending"})["state"]
        found.append(Standing(name=one.name, state=state, doc=one.doc, left=left))
    return [*found, *(Standing(name=name, state="unknown") for name in sorted(records))]
