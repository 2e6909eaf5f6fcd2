"""Registrations and organizations that come back from the own events, and who must stay forgotten.

What the contacts topic says of people is kept beside the collections until the recovery ends: the two
topics are read one after the other, and a registration needs the name that its person has in the other.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.database import Database

from registration.domain.identity import identities
from registration.store.organizations import COLLECTION as ORGANIZATIONS
from registration.store.registrations import COLLECTION as REGISTRATIONS
from vetika_kit.backup.recovery import put_back
from vetika_kit.backup.upkeep import STAGED
from vetika_kit.events import Received
from vetika_kit.ids import derived_id
from vetika_kit.inbox import UnitOfWork

Document = dict[str, Any]

PEOPLE: Final = f"{STAGED}people"  # what the contacts topic says of each; goes when the recovery ends
TOUCHED: Final = f"{STAGED}touched_forums"  # whose seats are to be counted anew
_OF_A_PERSON: Final = ("family_name", "given_name", "name_km", "email", "phone", "channels")


class RecoveredOrganizations:
    """Where organizations are put back; part of a unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._work = work

    def put_back(self, id_: str, told: Mapping[str, Any], *, event: Received) -> None:
        """Make an organization what the event told of it, unless that is known already."""
        changes = {
            **told,
            "name_key": told["name"].casefold(),
            "departed": told["status"] == "departed",
            "updated_at": event.time,
        }
        never_told = {
            "contact": {"name": None, "email": None, "phone": None},
            "applied_at": event.time,
        }
        collection = self._work.database[ORGANIZATIONS]
        put_back(collection, id_, event=event, changes=changes, otherwise=never_told, work=self._work)

    def name_of(self, id_: str) -> str | None:
        """Return a member's name, as far as it is known."""
        self._work.flush()
        found = self._work.database[ORGANIZATIONS].find_one({"_id": id_}, session=self._work.session)
        return None if found is None else str(found["name"])


class RecoveredPeople:
    """What the contacts topic says of people; part of a unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._work = work
        self._collection = work.database[PEOPLE]

    def record(self, person_id: str, contact: Mapping[str, Any], *, version: int) -> None:
        """Note how a person is reached, unless something newer is noted."""
        self._note(person_id, version=version, facts={"contact": dict(contact), "alive": True})

    def erase(self, person_id: str, *, at: datetime, sequence: int, version: int) -> None:
        """Note that a person asked to be forgotten: the first time, and the last."""
        first = {"$ifNull": ["$erased_first", {"$literal": {"at": at, "seq": sequence}}]}
        last = {"erased_first": first, "erased_last": {"$literal": {"at": at, "seq": sequence}}}
        self._work.write(self._collection, UpdateOne({"_id": person_id}, [{"$set": last}], upsert=True))
        self._note(person_id, version=version, facts={"contact": None, "alive": False})

    def find(self, person_id: str) -> Document | None:
        """Return what is noted of a person."""
        return self._collection.find_one({"_id": person_id}, session=self._work.session)

    def _note(self, person_id: str, *, version: int, facts: Document) -> None:
        newer = {"$gte": [version, {"$ifNull": ["$version", -1]}]}
        noted = {**{name: {"$literal": value} for name, value in facts.items()}, "version": version}
        changed = {name: {"$cond": [newer, value, f"${name}"]} for name, value in noted.items()}
        self._work.write(self._collection, UpdateOne({"_id": person_id}, [{"$set": changed}], upsert=True))


class RecoveredRegistrations:
    """Where registrations are put back; part of a unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._work = work

    def put_back(
        self,
        id_: str,
        *,
        event: Received,
        changes: Mapping[str, Any],
        told: Mapping[str, Any],
        organization: Mapping[str, Any],
        person: Mapping[str, Any] | None,
    ) -> None:
        """Make a registration what the event told of it, unless that is known already.

        Args:
            id_: The registration's.
            event: The event.
            changes: What it changed.
            told: What every event of a registration tells.
            organization: Whom the person comes for.
            person: What the contacts topic says of the person; None: the person was erased.
        """
        if self._knows(id_, event):
            return
        never_told = {
            # Any ticket will do: the ledger is made from the registrations when all are back.
            "ticket": derived_id("recovered", id_),
            "waitlist_number": None,
            "organization": dict(organization),
            "import_id": None,
            "answered": {"fingerprint": None, "place": None},
            "registered_at": event.time,
            **_who(id_, person, at=event.time),
        }
        put_back(
            self._work.database[REGISTRATIONS],
            id_,
            event=event,
            changes={**told, **changes, "updated_at": event.time},
            otherwise=never_told,
            work=self._work,
        )
        touched = UpdateOne({"_id": told["forum_id"]}, {"$set": {"touched": True}}, upsert=True)
        self._work.write(self._work.database[TOUCHED], touched)

    def _knows(self, id_: str, event: Received) -> bool:
        """Say whether a registration shows an event's effect; then its forum's ledger does too."""
        found = self._work.database[REGISTRATIONS].find_one(
            {"_id": id_}, {"outbox.seq": True}, session=self._work.session
        )
        return found is not None and found["outbox"]["seq"] >= (event.sequence or 0)


def _who(id_: str, person: Mapping[str, Any] | None, *, at: datetime) -> Document:
    """Return what a registration says of its person; of an erased one, what `Erasures.anonymize` leaves."""
    if person is None:
        return {"person": None, "identities": [f"erased:{id_}"], "erased_at": at}
    known = {name: person[name] for name in _OF_A_PERSON}
    return {
        "person": {**known, "dietary": None, "accessibility": None},
        "identities": list(identities(email=person["email"], phone=person["phone"])),
    }


def touched_forums(database: "Database[Document]") -> list[str]:
    """Return the forums that an event was taken back of."""
    return [found["_id"] for found in database[TOUCHED].find()]


def erased_people(database: "Database[Document]") -> Iterator[Document]:
    """Return what is noted of people whose erasure was met."""
    return iter(database[PEOPLE].find({"erased_last": {"$exists": True}}))


def people_with_a_name(database: "Database[Document]") -> set[str]:
    """Return the people of registrations that still tell who it was, and whose contact has left."""
    named = {"person_id": {"$exists": True}, "erased_at": {"$exists": False}}
    found: set[str] = set()
    waits: set[str] = set()
    for document in database[REGISTRATIONS].find(named, {"person_id": True, "outbox.events.stream": True}):
        found.add(document["person_id"])
        if any(event["stream"] == "contacts" for event in document["outbox"]["events"]):
            waits.add(document["person_id"])
    return found - waits


def forget_notes(database: "Database[Document]") -> None:
    """Take away what was noted for the recovery."""
    for name in (PEOPLE, TOUCHED):
        database.drop_collection(name)
