"""Who is registered for which forum, as registration's events tell of them."""

from collections.abc import Mapping
from typing import Any, Final

from pymongo import ASCENDING, UpdateMany
from pymongo.database import Database

from vetika_kit.copies import learn
from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document

ROSTER: Final = "roster"

ACTIVE: Final = ("confirmed", "waitlisted")


class HeardRoster:
    """Where a handler keeps what it heard of registrations; part of its unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._collection = work.database[ROSTER]
        self._work = work

    def learn(self, registration_id: str, *, version: int, facts: Mapping[str, Any]) -> None:
        """Keep a registration, unless a newer state of it was heard of already."""
        learn(self._collection, registration_id, version=version, facts=facts, work=self._work)

    def active(self, forum_id: str) -> list[Document]:
        """Return the registrations of a forum that have a seat or wait for one."""
        self._work.flush()
        wanted = {"forum_id": forum_id, "status": {"$in": list(ACTIVE)}}
        return list(self._collection.find(wanted, session=self._work.session))

    def forget(self, person_id: str) -> None:
        """Count nobody's registrations as active who asked to be forgotten."""
        self._work.write(
            self._collection, UpdateMany({"person_id": person_id}, {"$set": {"status": "erased"}})
        )


def ensure_indexes(database: "Database[Document]") -> None:
    """Make the indexes by which a forum's people and a person's registrations are found."""
    database[ROSTER].create_index([("forum_id", ASCENDING), ("status", ASCENDING)], name="by_forum")
    database[ROSTER].create_index("person_id", name="by_person")
