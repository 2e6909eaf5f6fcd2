"""What is under way is brought to its end, by whoever comes first: the process that began it, or the sweeper.

Every step is safe to take twice and by two processes at once, and none asks a clock:

- A *ticket* (one try to be admitted) is in the ledger exactly once, as a seat or as a place in line,
  from the update that admits it to the one update that gives it back.
- **Admission.** Either the registration is written or its tombstone is; ``_id`` lets only one in. A
  process that slept between ledger and insert and wakes after the sweeper finds the tombstone, and
  its seat is given back already. The update that gives back asks for the hold and removes it, so it
  works once. A registration that carries another ticket was admitted by another try: then this hold
  is one too many and is given back as well.
- **Cancellation.** The hold is there before the registration changes, and the registration names the
  attempt that cancelled it. So of two attempts at once only the named one gives the seat back; the
  other's hold is dropped. A hold whose registration is still active is carried through, never
  dropped: nobody can cancel later without a hold.
- **Promotion.** The ledger has moved the ticket from the line to a seat; the registration follows if
  it still waits. Is it cancelled, its cancellation gives the seat back (it finds the ticket no more
  in line). Is there none yet, its admission is still under way, and the hold stays until there is
  one or a tombstone.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from registration.domain.categories import CancelledBy
from registration.store.holds import Hold, HoldKind
from registration.store.ledger import Ledgers
from registration.store.registrations import Document, Registrations
from vetika_kit.clock import Clock
from vetika_kit.ids import new_id

HOLD_LIMIT: Final = timedelta(seconds=10)  # far longer than a batch takes; shorter costs work, not seats

logger = logging.getLogger(__name__)


class Settlement:
    """Brings holds and registrations to agree."""

    def __init__(self, *, ledgers: Ledgers, registrations: Registrations, clock: Clock) -> None:
        self._ledgers = ledgers
        self._registrations = registrations
        self._clock = clock

    def cancel(self, registration: Document, *, by: CancelledBy) -> Document:
        """Cancel an active registration, give its seat or place back and let the line move.

        Returns:
            The registration as it is now; cancelling it again changes nothing.
        """
        hold = self._ledgers.hold_cancellation(registration, attempt=new_id(), by=by, now=self._clock.now())
        return self._cancellation(hold) or registration

    def settle(self, hold: Hold) -> None:
        """Bring one hold to its end."""
        match hold.kind:
            case HoldKind.ADMISSION:
                self.settle_admission(hold)
            case HoldKind.CANCELLATION:
                self._cancellation(hold)
            case HoldKind.PROMOTION:
                self._follow([hold])

    def settle_admission(self, hold: Hold) -> None:
        """Drop the hold of an admission that is registered; give back one that never will be."""
        found = self._registrations.bury(hold.registration_id, forum_id=hold.forum_id)
        if found is not None and found["ticket"] == hold.ticket:
            self._ledgers.drop([hold])
            return
        self._follow(self._ledgers.give_back_unregistered(hold, now=self._clock.now()))

    def let_line_move(self, forum_id: str) -> None:
        """Give free seats to those in line who may take them."""
        self._follow(self._ledgers.promote(forum_id, now=self._clock.now()))

    def _cancellation(self, hold: Hold) -> Document | None:
        now = self._clock.now()
        found = self._registrations.cancel(
            hold.registration_id,
            attempt=hold.attempt or "",
            by=hold.by or CancelledBy.SECRETARIAT,
            now=now,
        )
        if found is not None and found.get("cancelled_by_attempt") == hold.attempt:
            self._follow(self._ledgers.give_back_cancelled(hold, now=now))
        else:
            self._ledgers.drop([hold])
        return found

    def _follow(self, promotions: Iterable[Hold]) -> None:
        """Let the registrations of those who moved up say so."""
        self._ledgers.drop([hold for hold in promotions if self._is_followed(hold)])

    def _is_followed(self, hold: Hold) -> bool:
        found = self._registrations.of_ids([hold.registration_id]).get(hold.registration_id)
        if found is None:
            return False  # its admission is still under way
        if found.get("ticket") == hold.ticket:  # else a tombstone, or admitted by another try
            self._registrations.promote(hold.registration_id, now=self._clock.now())
        return True


class Sweeper:
    """Settles what others left, and moves lines that stand before free seats (reservations that ended)."""

    def __init__(
        self,
        *,
        ledgers: Ledgers,
        registrations: Registrations,
        settlement: Settlement,
        clock: Clock,
        limit: timedelta = HOLD_LIMIT,
    ) -> None:
        self._ledgers = ledgers
        self._registrations = registrations
        self._settlement = settlement
        self._clock = clock
        self._limit = limit

    def sweep(self) -> None:
        """Go round once; several may at the same time."""
        holds = self._ledgers.under_way(before=self._clock.now() - self._limit)
        admissions = [hold for hold in holds if hold.kind is HoldKind.ADMISSION]
        # Most are of a batch that was the last for a while, and long registered: they go all at once.
        there = self._registrations.of_ids(hold.registration_id for hold in admissions)
        registered = [
            hold for hold in admissions if there.get(hold.registration_id, {}).get("ticket") == hold.ticket
        ]
        self._ledgers.drop(registered)
        gone = {hold.ticket for hold in registered}
        for hold in holds:
            if hold.kind is not HoldKind.ADMISSION:
                self._settlement.settle(hold)
            elif hold.ticket not in gone:
                logger.warning(
                    "an admission was left half-way", extra={"registration_id": hold.registration_id}
                )
                self._settlement.settle(hold)
        for forum_id in self._ledgers.with_moving_lines():
            self._settlement.let_line_move(forum_id)
