"""The own copy of the forums, as meetings' events tell of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pymongo.collection import Collection
from pymongo.database import Database

from registration.domain.categories import ForumStatus
from registration.domain.placement import SeatPolicy
from registration.store.ledger import COLLECTION as LEDGERS
from registration.store.ledger import following
from vetika_kit.copies import learn
from vetika_kit.inbox import UnitOfWork

Document = dict[str, Any]

COLLECTION: Final = "forums"


class Forums:
    """The forums that were heard of."""

    def __init__(self, database: "Database[Document]") -> None:
        self.collection: Collection[Document] = database[COLLECTION]

    def get(self, forum_id: str) -> Document | None:
        """Return a forum, or None when nothing was heard of it."""
        return self.collection.find_one({"_id": forum_id})

    def to_come(self, now: datetime, *, limit: int = 20) -> list[Document]:
        """Return the forums that are not over and not called off, the next first."""
        coming = {"ends_at": {"$gt": now}, "status": {"$ne": ForumStatus.CANCELLED}}
        return list(self.collection.find(coming).sort([("starts_at", 1), ("_id", 1)]).limit(limit))

    def ensure_indexes(self) -> None:
        """Make the index by which forums are listed in the order of their days."""
        self.collection.create_index([("starts_at", 1), ("_id", 1)], name="by_day")


class HeardForums:
    """Where a handler keeps what it heard; part of its unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._work = work

    def learn(
        self,
        forum_id: str,
        *,
        version: int,
        facts: Mapping[str, Any],
        policy: SeatPolicy,
        status: ForumStatus,
    ) -> None:
        """Keep a forum and let its ledger follow, unless a newer event told more already."""
        learn(self._work.database[COLLECTION], forum_id, version=version, facts=facts, work=self._work)
        self._work.write(
            self._work.database[LEDGERS],
            following(forum_id, version=version, policy=policy, status=status, now=self._work.clock.now()),
        )
