"""The own copy of the organizations, as registration's events tell of them."""

from typing import Final

from pymongo.database import Database

from meetings.domain.host import Membership, Organization
from vetika_kit.copies import learn
from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document

ORGANIZATIONS: Final = "organizations"


class Organizations:
    """The organizations that were heard of."""

    def __init__(self, *, database: "Database[Document]") -> None:
        self._collection = database[ORGANIZATIONS]

    def get(self, id_: str) -> Organization | None:
        """Return an organization, or None when nothing was heard of it."""
        found = self._collection.find_one({"_id": id_})
        if found is None:
            return None
        return Organization(
            id=found["_id"],
            name=found["name"],
            acronym=found["acronym"],
            membership=Membership(found["status"]),
        )


class HeardOrganizations:
    """Where a handler keeps what it heard; part of its unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._collection = work.database[ORGANIZATIONS]
        self._work = work

    def learn(self, organization: Organization, *, version: int) -> None:
        """Keep what an event told, unless a newer one told more already."""
        facts = {
            "name": organization.name,
            "acronym": organization.acronym,
            "status": organization.membership.value,
        }
        learn(self._collection, organization.id, version=version, facts=facts, work=self._work)
