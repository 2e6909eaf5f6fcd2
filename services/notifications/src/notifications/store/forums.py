"""The own copy of the forums, as meetings' events tell of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, UpdateOne
from pymongo.database import Database

from notifications.domain.facts import Forum
from vetika_kit.copies import learn
from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document

FORUMS: Final = "forums"


class Forums:
    """The forums that were heard of."""

    def __init__(self, *, database: "Database[Document]") -> None:
        self._collection = database[FORUMS]

    def get(self, forum_id: str) -> Forum | None:
        """Return a forum, or None when nothing was heard of it."""
        found = self._collection.find_one({"_id": forum_id})
        if found is None or "theme" not in found:
            return None
        return Forum(
            forum_id=found["_id"],
            theme=found["theme"],
            starts_at=found["starts_at"],
            ends_at=found["ends_at"],
            venue_name=found["venue"]["name"],
            venue_address=found["venue"]["address"],
        )

    def cancelled_since(self, moment: datetime) -> list[Document]:
        """Return what is known of the forums that were cancelled since a moment."""
        return list(self._collection.find({"cancelled_at": {"$gte": moment}}))


class HeardForums:
    """Where a handler keeps what it heard of forums; part of its unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._collection = work.database[FORUMS]
        self._work = work
        self._known: dict[str, Document] = {}  # found in this unit's snapshot, which does not change
        self._written: set[str] = set()

    def learn(self, forum_id: str, *, version: int, facts: Mapping[str, Any]) -> None:
        """Keep a forum, unless a newer state of it was heard of already."""
        self._known.pop(forum_id, None)
        self._written.add(forum_id)
        learn(self._collection, forum_id, version=version, facts=facts, work=self._work)

    def get(self, forum_id: str) -> Document | None:
        """Return what is known of a forum, or None."""
        if forum_id not in self._known:
            if forum_id in self._written:
                self._work.flush()
            found = self._collection.find_one({"_id": forum_id}, session=self._work.session)
            if found is None or "theme" not in found:
                return None
            self._known[forum_id] = found
        return self._known[forum_id]

    def await_(self, forum_id: str) -> None:
        """Say that this unit did not find a forum; see `HeardContacts.await_` for why."""
        self._work.write(
            self._collection, UpdateOne({"_id": forum_id}, {"$inc": {"awaited": 1}}, upsert=True)
        )


def ensure_indexes(database: "Database[Document]") -> None:
    """Make the index by which the lately cancelled are found."""
    database[FORUMS].create_index([("cancelled_at", ASCENDING)], sparse=True, name="lately_cancelled")
