"""Organizations: those that apply, those that are members and those that were."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from pymongo import ASCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from registration.domain.applications import Affiliation, OrganizationChoice
from registration.domain.categories import OrganizationStatus, StakeholderCategory
from registration.publishes import OrganizationState
from vetika_kit.clock import Clock
from vetika_kit.events import Event
from vetika_kit.outbox import Aggregates

Document = dict[str, Any]

COLLECTION: Final = "organizations"


def told(event: type[OrganizationState], document: Mapping[str, Any], *, version: int) -> Event:
    """Return the event that tells the public state of an organization."""
    return event.event(
        subject=document["_id"],
        organization_id=document["_id"],
        version=version,
        name=document["name"],
        acronym=document["acronym"],
        stakeholder_category=StakeholderCategory(document["stakeholder_category"]),
        status=OrganizationStatus(document["status"]),
    )


class Organizations:
    """The organizations; how to reach them stays in these documents."""

    def __init__(self, database: "Database[Document]", *, clock: Clock) -> None:
        self.aggregates = Aggregates(database[COLLECTION], clock=clock)
        self.collection: Collection[Document] = self.aggregates.collection

    def ensure_indexes(self) -> None:
        """Make the indexes; one keeps an organization from being here twice under one name."""
        self.collection.create_index(
            [("name_key", ASCENDING)],
            name="one_a_name",
            unique=True,
            partialFilterExpression={"departed": False},
        )
        self.collection.create_index([("status", ASCENDING), ("_id", ASCENDING)], name="by_status")

    def get(self, organization_id: str) -> Document | None:
        """Return an organization, or None."""
        return self.aggregates.get(organization_id)


class UnknownOrganizationError(Exception):
    """No member has this id."""


class Directory:
    """The members, as people name them: kept for a few seconds, for every application asks."""

    def __init__(self, organizations: Organizations, *, good_for: float = 5.0) -> None:
        self._organizations = organizations
        self._good_for = good_for
        self._lock = threading.Lock()
        self._until = 0.0
        self._by_id: dict[str, str] = {}
        self._by_name: dict[str, str] = {}

    def affiliation(self, choice: OrganizationChoice) -> Affiliation:
        """Return whom somebody comes for; a member is recognized by its id, its name or its acronym.

        Raises:
            UnknownOrganizationError: The id is no member's.
        """
        by_id, by_name = self._members()
        if choice.organization_id is not None:
            if choice.organization_id not in by_id:
                by_id, by_name = self._members(fresh=True)
            if choice.organization_id not in by_id:
                raise UnknownOrganizationError(choice.organization_id)
            return Affiliation(organization_id=choice.organization_id, name=by_id[choice.organization_id])
        if choice.name is None:
            return Affiliation()
        member = by_name.get(choice.name.casefold())
        if member is None:
            return Affiliation(name=choice.name)
        return Affiliation(organization_id=member, name=by_id[member])

    def _members(self, *, fresh: bool = False) -> tuple[Mapping[str, str], Mapping[str, str]]:
        with self._lock:
            now = time.monotonic()
            if fresh or now >= self._until:
                found = list(
                    self._organizations.collection.find(
                        {"status": OrganizationStatus.ADMITTED}, {"name": True, "acronym": True}
                    )
                )
                self._by_id = {one["_id"]: one["name"] for one in found}
                self._by_name = {
                    name.casefold(): one["_id"]
                    for one in found
                    for name in (one["acronym"], one["name"])
                    if name
                }
                self._until = now + self._good_for
            return self._by_id, self._by_name
