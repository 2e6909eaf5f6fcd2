"""Deliveries that come back from the own events, and people whom nobody has a record of any more."""

from collections.abc import Iterator, Mapping
from typing import Any

from pymongo.database import Database

from notifications.store.contacts import CONTACTS
from notifications.store.deliveries import DELIVERIES
from vetika_kit.backup.recovery import put_back
from vetika_kit.events import Received
from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document


class RecoveredDeliveries:
    """Where deliveries are put back; part of a unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._work = work

    def put_back(self, id_: str, told: Mapping[str, Any], *, event: Received) -> None:
        """Make a delivery what the event told of it, unless that is known already."""
        never_told = {
            "at": event.time,
            "told": None,  # comes back with the event that the person was told about (`Deliveries.queue`)
            "traceparent": None,
            "created_at": event.time,
            "attempts_before": 0,
            "resends": 0,
            "last_error": None,
            "provider_id": None,
            "sms_parts": None,
            "sent_at": None,
            "delivered_at": None,
            "failed_at": None,
        }
        changes = {**told, "lease": None, "due_at": None}
        collection = self._work.database[DELIVERIES]
        put_back(collection, id_, event=event, changes=changes, otherwise=never_told, work=self._work)


def reachable_people(database: "Database[Document]") -> Iterator[str]:
    """Return the ids of those whose contact is kept."""
    found = database[CONTACTS].find({"channels": {"$exists": True}}, {"_id": True})
    return (document["_id"] for document in found)
