"""A forum from draft to its end: which step may follow which, and when.

    draft → announced → open ⇄ closed        cancelled from each of them

A draft that is cancelled was never public and stays so: nobody is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from meetings.domain.errors import BadPlanError, Fault, RefusedError
from meetings.domain.plan import LocalizedText, Plan, check


class Status(StrEnum):
    """Where a forum stands."""

    DRAFT = "draft"
    ANNOUNCED = "announced"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Forum:
    """One forum; each step answers the forum that it becomes, or refuses.

    Attributes:
        public: it was announced once, so everybody may see it, whatever became of it.
        reason: why it was cancelled, as people are told.
    """

    id: str
    plan: Plan
    status: Status = Status.DRAFT
    public: bool = False
    reason: LocalizedText | None = None

    @property
    def due_at(self) -> datetime | None:
        """The next moment at which the dates, and no person, move this forum on."""
        if self.status is Status.ANNOUNCED:
            return self.plan.registration_opens_at
        return self.plan.closes_at if self.status is Status.OPEN else None

    def revised(self, plan: Plan, *, now: datetime) -> "Forum":
        """The forum under another plan.

        Raises:
            RefusedError: it is cancelled or over, or its host would change after the announcement: people
                came to know the forum as that organization's.
            BadPlanError: the plan breaks a rule, or moves an announced forum into the past.
        """
        self._refuse_when_cancelled()
        check(plan)
        if self.public:
            self._refuse_when_over(now)
            if plan.host_organization_id != self.plan.host_organization_id:
                raise RefusedError("host-is-announced", "The host of an announced forum does not change.")
            faults = tuple(self._moved_into_the_past(plan, now))
            if faults:
                raise BadPlanError(faults)
        return replace(self, plan=plan)

    def announced(self, *, now: datetime) -> "Forum":
        """The forum as everybody may know it.

        Raises:
            RefusedError: it is no draft any more, or it would already have begun.
        """
        self._refuse_when_cancelled()
        if self.status is not Status.DRAFT:
            raise RefusedError("already-announced", "The forum is announced already.")
        if now >= self.plan.starts_at:
            raise RefusedError("forum-has-begun", "The forum would already have begun: move its date first.")
        return replace(self, status=Status.ANNOUNCED, public=True)

    def opened(self, *, now: datetime) -> "Forum":
        """The forum with registration open, for the first time or again.

        Raises:
            RefusedError: it is a draft, cancelled, open already or begun, or its closing date has passed
                (the date would close it again within the second: give a later one first).
        """
        self._refuse_when_cancelled()
        if self.status is Status.DRAFT:
            raise RefusedError("not-announced", "A draft is announced before its registration opens.")
        if self.status is Status.OPEN:
            raise RefusedError("registration-is-open", "Registration is open already.")
        if now >= self.plan.starts_at:
            raise RefusedError("forum-has-begun", "Registration does not open once the forum has begun.")
        if now >= self.plan.closes_at:
            raise RefusedError(
                "closing-date-has-passed",
                "The closing date has passed: give a later one, then open registration.",
            )
        return replace(self, status=Status.OPEN)

    def closed(self) -> "Forum":
        """The forum with registration closed.

        Raises:
            RefusedError: registration is not open.
        """
        self._refuse_when_cancelled()
        if self.status is not Status.OPEN:
            raise RefusedError("registration-is-not-open", "Registration is not open.")
        return replace(self, status=Status.CLOSED)

    def cancelled(self, *, reason: LocalizedText | None, now: datetime) -> "Forum":
        """The forum called off; whether anybody hears of it depends on whether it was `public`.

        Raises:
            RefusedError: it is cancelled already or over.
        """
        self._refuse_when_cancelled()
        if self.public:
            self._refuse_when_over(now)
        return replace(self, status=Status.CANCELLED, reason=reason)

    def moved_on(self, *, now: datetime) -> "Forum":
        """The forum as the dates alone make it by `now`; itself when nothing is due.

        A window that passed whole while nobody looked ends as closed, not as open for a moment:
        no application could have been for it.
        """
        if self.due_at is None or now < self.due_at:
            return self
        return replace(self, status=Status.CLOSED if now >= self.plan.closes_at else Status.OPEN)

    def _refuse_when_cancelled(self) -> None:
        if self.status is Status.CANCELLED:
            raise RefusedError("forum-is-cancelled", "The forum is cancelled.")

    def _refuse_when_over(self, now: datetime) -> None:
        if now >= self.plan.ends_at:
            raise RefusedError("forum-is-over", "The forum is over.")

    def _moved_into_the_past(self, plan: Plan, now: datetime) -> Iterator[Fault]:
        if plan.starts_at != self.plan.starts_at and plan.starts_at <= now:
            yield Fault(pointer="/starts_at", detail="An announced forum is not moved into the past.")
        if plan.ends_at != self.plan.ends_at and plan.ends_at <= now:
            yield Fault(pointer="/ends_at", detail="An announced forum is not moved into the past.")
