"""Holds: what the ledger decided and the registrations may not show yet, as values and as stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from registration.domain.categories import CancelledBy
from registration.store.expressions import Expression, where


class HoldKind(StrEnum):
    """What a hold is about."""

    ADMISSION = "admission"
    CANCELLATION = "cancellation"
    PROMOTION = "promotion"


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A decision of the ledger that the registration may not show yet."""

    kind: HoldKind
    forum_id: str
    ticket: str
    registration_id: str
    category: str
    organization: str | None
    at: datetime
    number: int | None = None  # an admission to the waitlist has one
    place: int | None = None  # in line when it was decided
    attempt: str | None = None  # which cancellation this is
    by: CancelledBy | None = None

    @property
    def waitlisted(self) -> bool:
        """Whether the admission was to the waitlist."""
        return self.number is not None


def hold_of(forum_id: str, held: Mapping[str, Any]) -> Hold:
    """Return the hold that a ledger's entry is."""
    return Hold(
        kind=HoldKind(held["kind"]),
        forum_id=forum_id,
        ticket=held["ticket"],
        registration_id=held["id"],
        category=held["category"],
        organization=held["organization"],
        at=held["at"],
        number=held["number"],
        place=held["place"],
        attempt=held.get("attempt"),
        by=CancelledBy(held["by"]) if held.get("by") else None,
    )


def holds_where(condition: Expression) -> Expression:
    """Return the ledger's holds that meet a condition on ``$$held``."""
    return where("$holds", condition, name="held")
