"""How a sender takes what is due, so that several share the work and nothing is lost with one of them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pymongo import ASCENDING
from pymongo.database import Database

from notifications.domain.delivery import Channel, State
from notifications.store.deliveries import DELIVERIES
from vetika_kit.clock import Clock
from vetika_kit.ids import new_id
from vetika_kit.mongo import Document

_WAITING: Final = (State.QUEUED, State.SENDING)


@dataclass(frozen=True, kw_only=True)
class ClaimPolicy:
    """How long a claim holds."""

    lease: timedelta  # after it, what a dead sender held is due again


class Claims:
    """Takes due deliveries by lease.

    `due_at` is the one field that says when somebody should take a delivery: for a queued one its next
    attempt, for one that is being sent the end of its lease.
    """

    def __init__(
        self, *, database: "Database[Document]", owner: str, policy: ClaimPolicy, clock: Clock
    ) -> None:
        self._collection = database[DELIVERIES]
        self._owner = owner
        self._policy = policy
        self._clock = clock

    def claim(self, channel: Channel, *, limit: int) -> list[Document]:
        """Take up to `limit` deliveries of a channel, those first that have been due the longest."""
        now = self._clock.now()
        due = {"channel": channel, "state": {"$in": list(_WAITING)}, "due_at": {"$lte": now}}
        found = list(self._collection.find(due).sort("due_at", ASCENDING).limit(limit))
        if not found:
            return []
        token = new_id()
        taken = {
            "state": State.SENDING,
            "due_at": now + self._policy.lease,
            "lease": {"owner": self._owner, "token": token},
        }
        ids = [document["_id"] for document in found]
        result = self._collection.update_many(
            {"_id": {"$in": ids}, **due}, {"$set": taken, "$inc": {"attempts": 1, "version": 1}}
        )
        if result.modified_count == len(found):
            # All of them are ours, and what they are now is known without asking.
            return [
                {
                    **document,
                    **taken,
                    "attempts": document["attempts"] + 1,
                    "version": document["version"] + 1,
                }
                for document in found
            ]
        return list(self._collection.find({"_id": {"$in": ids}, "lease.token": token}))
