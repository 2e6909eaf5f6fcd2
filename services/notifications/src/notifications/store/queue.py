"""What waits to be sent, as operators see it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING
from pymongo.database import Database

from notifications.domain.delivery import Channel, State
from notifications.store.deliveries import DELIVERIES
from vetika_kit.mongo import Document

_DUE: Final = (State.QUEUED, State.SENDING)
_WAITING: Final = (State.AWAITING_CONTACT, *_DUE)


class Queue:
    """The deliveries that have not left."""

    def __init__(self, *, database: "Database[Document]") -> None:
        self._collection = database[DELIVERIES]

    def counts(self) -> dict[tuple[Channel | None, State], int]:
        """Count what waits by channel and state; a plan that awaits a contact has no channel yet."""
        counts: dict[tuple[Channel | None, State], int] = {(None, State.AWAITING_CONTACT): 0}
        counts |= {(channel, state): 0 for channel in Channel for state in _DUE}
        pipeline: list[Mapping[str, Any]] = [
            {"$match": {"state": {"$in": list(_WAITING)}}},
            {"$group": {"_id": {"channel": "$channel", "state": "$state"}, "deliveries": {"$sum": 1}}},
        ]
        for group in self._collection.aggregate(pipeline):
            channel = group["_id"]["channel"]
            key = (None if channel is None else Channel(channel), State(group["_id"]["state"]))
            counts[key] = group["deliveries"]
        return counts

    def oldest_due(self, channel: Channel, *, now: datetime) -> float:
        """Return for how many seconds the oldest due delivery has been due; 0 when none is.

        One that a sender holds is due when its lease has ended.
        """
        found = self._collection.find_one(
            {"channel": channel, "state": {"$in": list(_DUE)}, "due_at": {"$lte": now}},
            {"due_at": True},
            sort=[("due_at", ASCENDING)],
        )
        return 0.0 if found is None else float((now - found["due_at"]).total_seconds())
