"""What a secretary decides about a forum before and after it is announced."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from meetings.domain.errors import BadPlanError, Fault

ZONE = ZoneInfo("Asia/Phnom_Penh")
"""Where the forums are held; a forum's day is a day there."""

MAXIMUM_CAPACITY = 10_000
"""Seats of the largest hall that the coalition may plan with."""

LocalizedText = Mapping[str, str]
"""Text by language, `en` and `km`; at least one of them."""


class StakeholderCategory(StrEnum):
    """Who takes part in decentralization; the coalition's nine kinds."""

    LOCAL_GOVERNMENT = "local_government"
    CENTRAL_GOVERNMENT = "central_government"
    LOCAL_NGO = "local_ngo"
    INTERNATIONAL_NGO = "international_ngo"
    CBO = "cbo"
    DONOR = "donor"
    PRIVATE_SECTOR = "private_sector"
    MEDIA = "media"
    ACADEMIC = "academic"


@dataclass(frozen=True, kw_only=True)
class Venue:
    """Where people come to."""

    name: LocalizedText
    address: LocalizedText | None = None


@dataclass(frozen=True, kw_only=True)
class SeatPolicy:
    """How the seats are shared out; registration carries it out.

    Attributes:
        reserved: seats kept free for a category.
        release_at: when reserved seats that nobody took become everybody's; None: never.
        organization_limit: the most seats that one organization may take; None: no limit.
    """

    reserved: Mapping[StakeholderCategory, int] = field(default_factory=dict)
    release_at: datetime | None = None
    organization_limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Theme, day, place and seats of a forum.

    Attributes:
        starts_at: UTC, as every time here.
        registration_opens_at: when registration opens by itself; None: only by hand.
        registration_closes_at: when it closes by itself; None: when the forum starts.
    """

    theme: LocalizedText
    description: LocalizedText | None
    starts_at: datetime
    ends_at: datetime
    venue: Venue
    capacity: int
    host_organization_id: str | None
    registration_opens_at: datetime | None
    registration_closes_at: datetime | None
    seat_policy: SeatPolicy

    @property
    def date(self) -> date:
        """The forum's day in Phnom Penh."""
        return self.starts_at.astimezone(ZONE).date()

    @property
    def closes_at(self) -> datetime:
        """When registration closes by itself: nobody registers for what has begun."""
        return self.registration_closes_at or self.starts_at


def check(plan: Plan) -> None:
    """Hold a plan against the rules that do not depend on today.

    Raises:
        BadPlanError: with every fault found.
    """
    faults = (*_faults_of_times(plan), *_faults_of_seats(plan))
    if faults:
        raise BadPlanError(faults)


def _faults_of_times(plan: Plan) -> Iterator[Fault]:
    if plan.ends_at <= plan.starts_at:
        yield Fault(pointer="/ends_at", detail="A forum ends after it starts.")
    elif plan.ends_at.astimezone(ZONE).date() != plan.date:
        yield Fault(pointer="/ends_at", detail="A forum starts and ends on the same day in Phnom Penh.")
    if plan.closes_at > plan.starts_at:
        yield Fault(
            pointer="/registration_closes_at", detail="Registration closes when the forum starts, or before."
        )
    if plan.registration_opens_at and plan.registration_opens_at >= plan.closes_at:
        yield Fault(pointer="/registration_opens_at", detail="Registration opens before it closes.")
    release_at = plan.seat_policy.release_at
    if release_at and release_at > plan.starts_at:
        yield Fault(
            pointer="/seat_policy/release_at", detail="Reserved seats are released before the forum starts."
        )


def _faults_of_seats(plan: Plan) -> Iterator[Fault]:
    if not 1 <= plan.capacity <= MAXIMUM_CAPACITY:
        yield Fault(pointer="/capacity", detail=f"A forum has 1 to {MAXIMUM_CAPACITY:,} seats.")
    for category, seats in plan.seat_policy.reserved.items():
        if seats < 0:
            yield Fault(pointer=f"/seat_policy/reserved/{category}", detail="Seats are not negative.")
    if sum(plan.seat_policy.reserved.values()) > max(plan.capacity, 0):
        yield Fault(pointer="/seat_policy/reserved", detail="More seats are reserved than the forum has.")
    limit = plan.seat_policy.organization_limit
    if limit is not None and limit < 1:
        yield Fault(
            pointer="/seat_policy/organization_limit", detail="An organization may take one seat or more."
        )
