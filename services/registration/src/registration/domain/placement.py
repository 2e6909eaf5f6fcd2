"""Who gets a seat, who waits, and who moves up: the rule, in plain values.

The ledger in the database applies the same rule inside one update (`store/seating.py`); a test runs
both side by side. This page is the one to read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from registration.domain.categories import StakeholderCategory


@dataclass(frozen=True, kw_only=True)
class SeatPolicy:
    """How a forum's seats are shared out."""

    capacity: int
    reserved: Mapping[StakeholderCategory, int] = field(default_factory=dict)  # kept free until `release_at`
    release_at: datetime | None = None  # None: reservations hold to the end
    organization_limit: int | None = None  # seats one organization may take; surplus waits

    def kept_free(self, *, now: datetime) -> Mapping[StakeholderCategory, int]:
        """Return the reservations that hold now."""
        if self.release_at is not None and now >= self.release_at:
            return {}
        return self.reserved


@dataclass(frozen=True, kw_only=True)
class Application:
    """Somebody who wants a seat, as far as the rule looks."""

    ticket: str  # names this one try; whatever the ledger holds for it carries the ticket
    registration_id: str
    category: StakeholderCategory
    organization: str | None = None  # key by which an organization's seats are counted


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A place in line."""

    ticket: str
    registration_id: str
    number: int  # given once, never again; the place in line is the position in the list
    category: StakeholderCategory
    organization: str | None = None


class Decision(StrEnum):
    """What becomes of an application."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The answer to an application."""

    decision: Decision
    number: int | None = None  # of the waitlist
    place: int | None = None  # in line, at that moment


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What is known of a forum's seats."""

    policy: SeatPolicy
    open: bool = True
    promotes: bool = True  # nobody moves up for a forum that is cancelled
    taken_by_category: Mapping[StakeholderCategory, int] = field(default_factory=dict)
    taken_by_organization: Mapping[str, int] = field(default_factory=dict)
    next_number: int = 1
    waitlist: Sequence[Waiting] = ()

    @property
    def taken(self) -> int:
        """Seats taken."""
        return sum(self.taken_by_category.values())

    def has_seat_for(self, category: StakeholderCategory, organization: str | None, *, now: datetime) -> bool:
        """Say whether this category and organization may take a seat now.

        A reserved seat goes only to its own category until the release date: a forum whose first 200
        applications come from the capital would hear only the capital.
        """
        limit = self.policy.organization_limit
        if (
            organization is not None
            and limit is not None
            and self.taken_by_organization.get(organization, 0) >= limit
        ):
            return False
        kept_for_others = sum(
            max(0, seats - self.taken_by_category.get(other, 0))
            for other, seats in self.policy.kept_free(now=now).items()
            if other != category
        )
        return self.policy.capacity - self.taken - kept_for_others > 0

    def _seated(self, category: StakeholderCategory, organization: str | None, *, seats: int = 1) -> "Ledger":
        by_category = {
            **self.taken_by_category,
            category: self.taken_by_category.get(category, 0) + seats,
        }
        by_organization = self.taken_by_organization
        if organization is not None:
            by_organization = {**by_organization, organization: by_organization.get(organization, 0) + seats}
        return replace(self, taken_by_category=by_category, taken_by_organization=by_organization)


def place(application: Application, *, ledger: Ledger, now: datetime) -> tuple[Placement, Ledger]:
    """Decide between a seat and the waitlist; return the answer and the ledger after it.

    Nobody overtakes: while somebody in line could take a seat (reservations were just released, say),
    a newcomer goes to the end of the line, which then moves.
    """
    if not ledger.open:
        return Placement(decision=Decision.REFUSED), ledger
    line_moves = any(ledger.has_seat_for(one.category, one.organization, now=now) for one in ledger.waitlist)
    if not line_moves and ledger.has_seat_for(application.category, application.organization, now=now):
        seated = ledger._seated(application.category, application.organization)  # noqa: SLF001 - same module
        return Placement(decision=Decision.CONFIRMED), seated
    waiting = Waiting(
        ticket=application.ticket,
        registration_id=application.registration_id,
        number=ledger.next_number,
        category=application.category,
        organization=application.organization,
    )
    line = (*ledger.waitlist, waiting)
    placement = Placement(decision=Decision.WAITLISTED, number=waiting.number, place=len(line))
    return placement, replace(ledger, waitlist=line, next_number=ledger.next_number + 1)


def place_all(
    applications: Iterable[Application], *, ledger: Ledger, now: datetime
) -> tuple[list[Placement], Ledger]:
    """Decide a batch in order of arrival."""
    placements = []
    for application in applications:
        placement, ledger = place(application, ledger=ledger, now=now)
        placements.append(placement)
    return placements, ledger


def promote(*, ledger: Ledger, now: datetime) -> tuple[list[Waiting], Ledger]:
    """Give free seats to those in line who may take them, in order; return who moved up."""
    promoted: list[Waiting] = []
    if not ledger.promotes:
        return promoted, ledger
    staying: list[Waiting] = []
    for one in ledger.waitlist:
        if ledger.has_seat_for(one.category, one.organization, now=now):
            ledger = ledger._seated(one.category, one.organization)  # noqa: SLF001 - same module
            promoted.append(one)
        else:
            staying.append(one)
    return promoted, replace(ledger, waitlist=tuple(staying))


def release(
    *, ticket: str, category: StakeholderCategory, organization: str | None, ledger: Ledger, now: datetime
) -> tuple[list[Waiting], Ledger]:
    """Give back what a ticket holds, a place in line or a seat; return who moved up for it."""
    staying = tuple(one for one in ledger.waitlist if one.ticket != ticket)
    if len(staying) < len(ledger.waitlist):
        ledger = replace(ledger, waitlist=staying)
    else:
        ledger = ledger._seated(category, organization, seats=-1)  # noqa: SLF001 - same module
    return promote(ledger=ledger, now=now)
