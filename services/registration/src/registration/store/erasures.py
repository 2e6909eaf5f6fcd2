"""Erasures: what is kept of a person who asked to be forgotten, and the tombstones that say so."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from registration.publishes import CONTACT_ERASED
from registration.store.registrations import COLLECTION as REGISTRATIONS
from vetika_kit.clock import Clock
from vetika_kit.events import Event, tombstone
from vetika_kit.outbox import Aggregates, StaleVersionError, shard_of

Document = dict[str, Any]

COLLECTION: Final = "erasures"


class Erasures:
    """One document a person who was erased."""

    def __init__(self, database: "Database[Document]", *, clock: Clock) -> None:
        self.aggregates = Aggregates(database[COLLECTION], clock=clock)
        self.collection: Collection[Document] = self.aggregates.collection
        self._registrations: Collection[Document] = database[REGISTRATIONS]

    def ensure_indexes(self) -> None:
        """Make the index by which open erasures are found."""
        self.collection.create_index(
            [("open", ASCENDING)], name="open", partialFilterExpression={"open": True}
        )

    def get(self, person_id: str) -> Document | None:
        """Return a person's erasure, or None."""
        return self.aggregates.get(person_id)

    def open_ones(self) -> Iterator[Document]:
        """Return the erasures that are not over."""
        return iter(self.collection.find({"open": True}))

    def begin(self, person_id: str, *, now: datetime) -> None:
        """Write the erasure with its tombstone; one of before begins anew."""
        beginning = {"open": True, "erased_at": now, "quiet_since": None, "repeated_at": None}
        try:
            self.aggregates.insert({"_id": person_id, **beginning}, _tombstone(person_id, now=now))
        except DuplicateKeyError:
            self._update(person_id, beginning, _tombstone(person_id, now=now))

    def take_back(self, noted: Document) -> bool:
        """Let an erasure that was told, and is not known here, take effect again; return whether it did.

        A person whose last record is a contact came back: then what was registered before the wish is
        forgotten, and a tombstone that repeats an erasure changes nothing. The erasure stays open, so that
        it is seen through.

        Args:
            noted: What the contacts topic says (`recovered.RecoveredPeople`).
        """
        person, first, last = noted["_id"], noted["erased_first"], noted["erased_last"]
        known = self.collection.find_one({"_id": person})
        if known is not None and known["outbox"]["seq"] >= last["seq"]:
            return False
        came_back = noted.get("alive", False)
        erased_at = first["at"] if came_back else last["at"]
        if came_back and first["seq"] > 1 and (known is None or known["open"]):
            erased_at = erased_at if known is None else known["erased_at"]
        else:
            self.anonymize(person, before=erased_at, now=erased_at)
        told = {"open": True, "erased_at": erased_at, "quiet_since": None, "repeated_at": None}
        self.collection.update_one(
            {"_id": person},
            {
                "$set": {**told, "outbox.seq": last["seq"], "outbox.shard": shard_of(person)},
                "$setOnInsert": {"outbox.events": []},
                "$inc": {"version": 1},
            },
            upsert=True,
        )
        return True

    def note_quiet(self, erasure: Document, *, since: datetime | None) -> None:
        """Record since when no contact of the person waits to leave."""
        self.aggregates.update(erasure, {"$set": {"quiet_since": since}})

    def repeat(self, erasure: Document, *, now: datetime) -> None:
        """Publish the tombstone again."""
        self.aggregates.update(erasure, {"$set": {"repeated_at": now}}, _tombstone(erasure["_id"], now=now))

    def close(self, erasure: Document) -> None:
        """Be done with it."""
        self.aggregates.update(erasure, {"$set": {"open": False}})

    def anonymize(self, person_id: str, *, before: datetime, now: datetime) -> int:
        """Take everything that tells who it was out of a person's registrations; return how many.

        Status, category, gender and organization stay: statistics do not change. Each keeps a mark of
        its own where its identities were, for the unique index knows no two that are empty.
        """
        result = self._registrations.update_many(
            {"person_id": person_id, "erased_at": {"$exists": False}, "registered_at": {"$lte": before}},
            [
                {
                    "$set": {
                        "person": None,
                        "answered.fingerprint": None,
                        "identities": [{"$concat": ["erased:", "$_id"]}],
                        "erased_at": {"$literal": now},
                        "updated_at": {"$literal": now},
                        "version": {"$add": ["$version", 1]},
                    }
                }
            ],
        )
        return result.modified_count

    def registered_anew(self, person_id: str) -> Document | None:
        """Return a registration that the person made after having been erased."""
        return self._registrations.find_one({"person_id": person_id, "erased_at": {"$exists": False}})

    def contact_waits(self, person_id: str) -> bool:
        """Say whether a record of the person may still wait to leave."""
        waiting = {"person_id": person_id, "outbox.since": {"$exists": True}}
        return self._registrations.find_one(waiting, {"_id": True}) is not None

    def is_known(self, person_id: str) -> bool:
        """Say whether there was such a person."""
        if self.collection.find_one({"_id": person_id}, {"_id": True}) is not None:
            return True
        return self._registrations.find_one({"person_id": person_id}, {"_id": True}) is not None

    def _update(self, person_id: str, changes: Document, event: Event) -> None:
        while True:
            seen = self.aggregates.get(person_id)
            if seen is None:
                raise LookupError(person_id)
            try:
                self.aggregates.update(seen, {"$set": changes}, event)
            except StaleVersionError:
                continue
            return


def _tombstone(person_id: str, *, now: datetime) -> Event:
    return tombstone(type_=CONTACT_ERASED, subject=person_id, version=int(now.timestamp() * 1000))
