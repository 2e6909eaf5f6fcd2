"""How organizations join the coalition, change and leave it."""

from collections.abc import Mapping
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from registration.domain.categories import OrganizationStatus, StakeholderCategory
from registration.publishes import (
    OrganizationAdmitted,
    OrganizationApplied,
    OrganizationDeparted,
    OrganizationState,
    OrganizationUpdated,
)
from registration.store.organizations import Document, Organizations, told
from vetika_kit.clock import Clock
from vetika_kit.outbox import StaleVersionError

_PUBLIC: Final = ("name", "acronym", "stakeholder_category")


class OrganizationKnownError(Exception):
    """An organization of this name is here, or asks to be."""


class NotPossibleError(Exception):
    """The organization's status does not allow the step."""


class Membership:
    """The steps of an organization's life."""

    def __init__(self, *, organizations: Organizations, clock: Clock) -> None:
        self._organizations = organizations
        self._clock = clock

    def apply(
        self,
        organization_id: str,
        *,
        name: str,
        acronym: str | None,
        category: StakeholderCategory,
        contact: Mapping[str, Any],
    ) -> Document:
        """Record that an organization asks to join; the same id again is the same application.

        Raises:
            OrganizationKnownError: One of this name did before, or is a member.
        """
        now = self._clock.now()
        document: Document = {
            "_id": organization_id,
            "name": name,
            "name_key": name.casefold(),
            "acronym": acronym,
            "stakeholder_category": str(category),
            "status": str(OrganizationStatus.APPLIED),
            "departed": False,
            "contact": dict(contact),
            "applied_at": now,
            "updated_at": now,
        }
        applied = told(OrganizationApplied, document, version=1)
        try:
            kept = self._organizations.aggregates.insert_or_get(document, applied)
        except DuplicateKeyError:
            raise OrganizationKnownError(name) from None
        if kept["name_key"] != document["name_key"]:
            raise OrganizationKnownError(name)
        return kept

    def admit(self, organization_id: str) -> Document | None:
        """Make an organization a member; again changes nothing.

        Raises:
            OrganizationKnownError: Another of its name joined since it left.
        """
        return self._step(organization_id, to=OrganizationStatus.ADMITTED, event=OrganizationAdmitted)

    def depart(self, organization_id: str) -> Document | None:
        """End a membership; again changes nothing.

        Raises:
            NotPossibleError: It never was a member.
        """
        return self._step(organization_id, to=OrganizationStatus.DEPARTED, event=OrganizationDeparted)

    def _step(
        self, organization_id: str, *, to: OrganizationStatus, event: type[OrganizationState]
    ) -> Document | None:
        while True:
            seen = self._organizations.get(organization_id)
            if seen is None or seen["status"] == to:
                return seen
            if to is OrganizationStatus.DEPARTED and seen["status"] != OrganizationStatus.ADMITTED:
                raise NotPossibleError("Only a member can leave.")
            now = self._clock.now()
            changes = {
                "status": str(to),
                "departed": to is OrganizationStatus.DEPARTED,
                f"{to}_at": now,
                "updated_at": now,
            }
            news = told(event, {**seen, **changes}, version=seen["version"] + 1)
            try:
                return self._organizations.aggregates.update(seen, {"$set": changes}, news)
            except StaleVersionError:
                continue
            except DuplicateKeyError:
                raise OrganizationKnownError(seen["name"]) from None

    def update(self, seen: Document, changes: Mapping[str, Any]) -> Document:
        """Change what an organization says of itself; only what everybody may know is told.

        Raises:
            OrganizationKnownError: Another has the new name.
            StaleVersionError: It was changed meanwhile.
        """
        new: Document = {**changes, "updated_at": self._clock.now()}
        if "name" in changes:
            new["name_key"] = changes["name"].casefold()
        events = []
        if any(name in changes and changes[name] != seen[name] for name in _PUBLIC):
            events.append(told(OrganizationUpdated, {**seen, **new}, version=seen["version"] + 1))
        try:
            return self._organizations.aggregates.update(seen, {"$set": new}, *events)
        except DuplicateKeyError:
            raise OrganizationKnownError(str(changes.get("name"))) from None
