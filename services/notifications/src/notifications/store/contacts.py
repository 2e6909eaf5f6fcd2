"""The own copy of people's contacts, as registration's contacts topic tells of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.database import Database

from notifications.domain.delivery import Channel, Language
from notifications.domain.facts import Person
from notifications.domain.plan import Erased, Wish
from vetika_kit.copies import learn
from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document

CONTACTS: Final = "contacts"


class Contacts:
    """The people who can be reached."""

    def __init__(self, *, database: "Database[Document]") -> None:
        self._collection = database[CONTACTS]

    def get(self, person_id: str) -> Person | None:
        """Return a person, or None when nothing was heard of one or the person was erased."""
        return _person(self._collection.find_one({"_id": person_id}))

    def several(self, person_ids: list[str]) -> dict[str, Person]:
        """Return those of these people who are known."""
        people = map(_person, self._collection.find({"_id": {"$in": person_ids}}))
        return {person.person_id: person for person in people if person}


class HeardContacts:
    """Where a handler keeps what it heard of people; part of its unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._collection = work.database[CONTACTS]
        self._work = work
        # What this unit read. Its snapshot does not change, except by what it writes itself.
        self._read: dict[str, Document | None] = {}
        self._written: set[str] = set()

    def learn(self, person_id: str, *, version: int, facts: Mapping[str, Any]) -> None:
        """Keep a contact, unless a newer one or a newer erasure was heard of already."""
        self._read.pop(person_id, None)
        self._written.add(person_id)
        learn(self._collection, person_id, version=version, facts=facts, work=self._work)

    def erase(self, person_id: str, *, version: int, at: datetime) -> bool:
        """Forget a person; return whether that is newer than what is known.

        What stays is the id, the version and the time, so that an older contact that comes late stays
        forgotten.
        """
        known = self._find(person_id)
        if known is not None and known.get("version", -1) >= version:
            return False
        self.learn(person_id, version=version, facts={"erased_at": at})
        return True

    def get(self, person_id: str) -> Wish | Erased | None:
        """Return how a person wants to be told, or that the person was erased, or None: nothing is known."""
        found = self._find(person_id)
        if found is None:
            return None
        if "erased_at" in found:
            return Erased(at=found["erased_at"])
        person = _person(found)
        return None if person is None else Wish(channels=person.channels, language=person.language)

    def await_(self, person_id: str) -> None:
        """Say that this unit found no contact.

        Without this mark a contact that another worker stores at the same moment would not meet this
        unit: neither would see the other's write, and the plan would wait for ever. With it the two
        transactions write the same document, and the later one begins again and sees the earlier.
        """
        self._work.write(
            self._collection, UpdateOne({"_id": person_id}, {"$inc": {"awaited": 1}}, upsert=True)
        )

    def _find(self, person_id: str) -> Document | None:
        if person_id not in self._read:
            if person_id in self._written:
                self._work.flush()
            self._read[person_id] = self._collection.find_one({"_id": person_id}, session=self._work.session)
        return self._read[person_id]


def _person(found: Document | None) -> Person | None:
    if found is None or "channels" not in found:  # awaited or erased
        return None
    return Person(
        person_id=found["_id"],
        family_name=found["family_name"],
        given_name=found["given_name"],
        name_km=found["name_km"],
        email=found["email"],
        phone=found["phone"],
        language=Language(found["language"]),
        channels=tuple(Channel(channel) for channel in found["channels"]),
        manage_key=found["manage_key"],
    )
