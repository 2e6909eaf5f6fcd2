"""Registrations: documents, their events in the same write, and tombstones where none may ever be."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from registration.domain.categories import (
    ACTIVE,
    CancelledBy,
    Gender,
    RegistrationStatus,
    StakeholderCategory,
)
from registration.domain.statistics import Group
from registration.publishes import RegistrationCancelled, RegistrationPromoted
from vetika_kit.clock import Clock
from vetika_kit.events import Event
from vetika_kit.outbox import Aggregates, StaleVersionError

Document = dict[str, Any]

COLLECTION: Final = "registrations"
_STATUSES: Final = [str(status) for status in RegistrationStatus]  # a tombstone has none
_FACE: Final = ("_id", "ticket", "status", "active", "identities", "reference", "tombstone")


@dataclass(frozen=True, kw_only=True)
class KnownRegistration:
    """What is there already for an application."""

    id: str
    tombstone: bool
    active: bool
    ticket: str | None
    reference: str | None
    identities: tuple[str, ...]


def public_state(document: Mapping[str, Any], *, version: int) -> dict[str, Any]:
    """Return what every event of a registration carries."""
    return {
        "registration_id": document["_id"],
        "version": version,
        "forum_id": document["forum_id"],
        "person_id": document["person_id"],
        "reference": document["reference"],
        "organization_id": document["organization"]["organization_id"],
        "stakeholder_category": document["stakeholder_category"],
        "gender": document["gender"],
        "language": document["language"],
        "role": document["role"],
    }


class Registrations:
    """The registrations of all forums."""

    def __init__(self, database: "Database[Document]", *, clock: Clock) -> None:
        self.aggregates = Aggregates(database[COLLECTION], clock=clock)
        self.collection: Collection[Document] = self.aggregates.collection
        self._clock = clock

    def ensure_indexes(self) -> None:
        """Make the indexes; the first is the last guard against a person who registers twice at once."""
        self.collection.create_index(
            [("forum_id", ASCENDING), ("identities", ASCENDING)],
            name="one_active_a_person",
            unique=True,
            partialFilterExpression={"active": True},
        )
        self.collection.create_index([("forum_id", ASCENDING), ("_id", ASCENDING)], name="of_a_forum")
        self.collection.create_index(
            [("person_id", ASCENDING)],
            name="of_a_person",
            partialFilterExpression={"person_id": {"$exists": True}},
        )

    def get(self, registration_id: str) -> Document | None:
        """Return a registration, or None; a tombstone is none."""
        found = self.aggregates.get(registration_id)
        return None if found is None or "tombstone" in found else found

    def known(
        self, forum_id: str, *, ids: Sequence[str], identities: Sequence[str]
    ) -> tuple[dict[str, KnownRegistration], dict[str, KnownRegistration]]:
        """Return what there is with these ids, and who is registered with these identities, in one look."""
        same_person = {"forum_id": forum_id, "active": True, "identities": {"$in": list(identities)}}
        found = self.collection.find(
            {"$or": [{"_id": {"$in": list(ids)}}, same_person]}, dict.fromkeys(_FACE, True)
        )
        by_id: dict[str, KnownRegistration] = {}
        by_identity: dict[str, KnownRegistration] = {}
        for document in found:
            known = KnownRegistration(
                id=document["_id"],
                tombstone="tombstone" in document,
                active=document.get("active", False),
                ticket=document.get("ticket"),
                reference=document.get("reference"),
                identities=tuple(document.get("identities", ())),
            )
            by_id[known.id] = known
            if known.active:
                by_identity.update(dict.fromkeys(known.identities, known))
        return by_id, by_identity

    def insert_many(self, pairs: Sequence[tuple[Document, Sequence[Event]]]) -> list[int]:
        """Write registrations with their events; return the places of those that there are already."""
        return self.aggregates.insert_many(pairs)

    def bury(self, registration_id: str, *, forum_id: str) -> Document | None:
        """See to it that a registration never comes to be; return the one that is there already.

        From the moment the tombstone lies, no insert of that id can succeed, however late it comes.
        Returns None where the tombstone lies, now or from before.
        """
        try:
            self.collection.insert_one({"_id": registration_id, "forum_id": forum_id, "tombstone": True})
        except DuplicateKeyError:
            found = self.aggregates.get(registration_id)
            return None if found is None or "tombstone" in found else found
        return None

    def cancel(
        self, registration_id: str, *, attempt: str, by: CancelledBy, now: datetime
    ) -> Document | None:
        """Turn an active registration into a cancelled one, with its event; return it as it is now.

        It names the attempt that did it: of several attempts exactly one may give the seat back.
        """
        while True:
            seen = self.get(registration_id)
            if seen is None or seen["status"] not in ACTIVE:
                return seen
            event = RegistrationCancelled.event(
                subject=registration_id,
                **public_state(seen, version=seen["version"] + 1),
                cancelled_by=by,
                previous_status=RegistrationStatus(seen["status"]),
            )
            changes = {
                "status": RegistrationStatus.CANCELLED,
                "active": False,
                "previous_status": seen["status"],
                "cancelled_by": by,
                "cancelled_by_attempt": attempt,
                "cancelled_at": now,
                "updated_at": now,
            }
            try:
                return self.aggregates.update(seen, {"$set": changes}, event)
            except StaleVersionError:
                continue  # promoted or erased meanwhile: look again

    def promote(self, registration_id: str, *, now: datetime) -> Document | None:
        """Turn a waitlisted registration into a confirmed one, with its event; return it as it is now."""
        while True:
            seen = self.get(registration_id)
            if seen is None or seen["status"] != RegistrationStatus.WAITLISTED:
                return seen
            event = RegistrationPromoted.event(
                subject=registration_id, **public_state(seen, version=seen["version"] + 1)
            )
            changes = {"status": RegistrationStatus.CONFIRMED, "promoted_at": now, "updated_at": now}
            try:
                return self.aggregates.update(seen, {"$set": changes}, event)
            except StaleVersionError:
                continue  # cancelled or erased meanwhile: look again

    def of_ids(self, ids: Iterable[str]) -> dict[str, Document]:
        """Return documents and tombstones by id, as far as there are any."""
        found = self.collection.find({"_id": {"$in": list(ids)}}, {"outbox": False})
        return {document["_id"]: document for document in found}

    def listing(
        self, forum_id: str, *, status: RegistrationStatus | None, category: StakeholderCategory | None
    ) -> Document:
        """Return the filter that lists a forum's registrations."""
        chosen: Document = {"forum_id": forum_id, "status": status or {"$in": _STATUSES}}
        if category is not None:
            chosen["stakeholder_category"] = category
        return chosen

    def groups(self, forum_id: str) -> list[Group]:
        """Return a forum's registrations, counted by all that statistics tell apart."""
        key = {
            "gender": "$gender",
            "category": "$stakeholder_category",
            "status": "$status",
            "organization_id": "$organization.organization_id",
            "organization": "$organization.name",
        }
        found = self.collection.aggregate(
            [
                {"$match": {"forum_id": forum_id, "status": {"$in": _STATUSES}}},
                {"$group": {"_id": key, "count": {"$sum": 1}}},
            ]
        )
        return [
            Group(
                gender=Gender(one["_id"]["gender"]),
                stakeholder_category=StakeholderCategory(one["_id"]["category"]),
                status=RegistrationStatus(one["_id"]["status"]),
                organization_id=one["_id"].get("organization_id"),
                organization=one["_id"].get("organization"),
                count=one["count"],
            )
            for one in found
        ]
