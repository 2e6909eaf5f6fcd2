"""What is told to whom: events become plans, and plans become deliveries once everything is known."""

from typing import Any

from notifications.domain.delivery import ERASED, NO_CHANNEL, Template, failed
from notifications.domain.plan import Erased, Plan, Wish
from notifications.store.contacts import HeardContacts
from notifications.store.deliveries import Deliveries, plan_of, standing
from notifications.store.forums import HeardForums
from notifications.store.roster import HeardRoster
from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document


def stores(work: UnitOfWork) -> dict[str, Any]:
    """Return what handlers work with, all of one unit of work."""
    contacts, forums, roster = HeardContacts(work=work), HeardForums(work=work), HeardRoster(work=work)
    planning = Planning(work=work, contacts=contacts, forums=forums, roster=roster)
    return {"contacts": contacts, "forums": forums, "roster": roster, "planning": planning}


class Planning:
    """Makes deliveries inside one unit of work.

    Three topics feed it, and their order is not known: what is to be told, whom, and about which forum.
    Whichever comes last makes the deliveries; their ids are derived, so that none is made twice.
    """

    def __init__(
        self,
        *,
        work: UnitOfWork,
        contacts: HeardContacts,
        forums: HeardForums,
        roster: HeardRoster,
    ) -> None:
        self._work = work
        self._contacts = contacts
        self._forums = forums
        self._roster = roster
        self._deliveries = Deliveries(database=work.database, clock=work.clock)

    def tell(self, plan: Plan) -> None:
        """Make the deliveries of a plan, or keep it until they can be made."""
        if self._ready(plan):
            self._settle(plan)
        elif not self._deliveries.complete(plan, session=self._work.session):
            # There are some already where topics are read again.
            self._deliveries.await_(plan, session=self._work.session)

    def contact_came(self, person_id: str) -> None:
        """Make the deliveries that waited for a person's contact."""
        self._go_on(self._deliveries.waiting(person_id=person_id, session=self._work.session))

    def forum_came(self, forum_id: str) -> None:
        """Make the deliveries that waited for a forum."""
        self._go_on(self._deliveries.waiting(forum_id=forum_id, session=self._work.session))

    def person_erased(self, person_id: str) -> None:
        """End what was still to be told to a person who asked to be forgotten."""
        self._roster.forget(person_id)
        for waiting in self._deliveries.unsent(person_id, session=self._work.session):
            self._fail(waiting, ERASED)

    def forum_cancelled(self, forum: Document) -> None:
        """Tell everybody who has a seat or waits for one that the forum will not take place."""
        for registration in self._roster.active(forum["_id"]):
            self.registration_of_cancelled(registration, forum=forum)

    def registration_of_cancelled(self, registration: Document, *, forum: Document) -> None:
        """Tell one of them; of a forum that would be over by now nobody needs to hear any more."""
        if forum["ends_at"] < self._work.clock.now():
            return
        told: dict[str, Any] = {
            "reference": registration["reference"],
            "role": registration["role"],
            # Calendars take an entry back only for a higher number than they were given.
            "sequence": registration["version"] + 1,
            "previous_status": registration["status"],
            "reason": forum["reason"],
        }
        self.tell(
            Plan(
                because=forum["cancelled_because"],
                at=forum["cancelled_at"],
                template=Template.FORUM_CANCELLED,
                person_id=registration["person_id"],
                forum_id=forum["_id"],
                registration_id=registration["_id"],
                told=told,
            )
        )

    def _go_on(self, waiting: list[Document]) -> None:
        for document in waiting:
            plan = plan_of(document)
            if self._ready(plan):
                self._settle(plan, document=document)

    def _ready(self, plan: Plan) -> bool:
        known = self._contacts.get(plan.person_id)
        if isinstance(known, Erased) and known.covers(plan):
            return True
        ready = True
        if not isinstance(known, Wish):
            self._contacts.await_(plan.person_id)
            ready = False
        if self._forums.get(plan.forum_id) is None:
            self._forums.await_(plan.forum_id)
            ready = False
        return ready

    def _settle(self, plan: Plan, *, document: Document | None = None) -> None:
        known = self._contacts.get(plan.person_id)
        if isinstance(known, Wish) and known.channels:
            self._deliveries.queue(plan, known, session=self._work.session)
            if document is not None:
                self._deliveries.drop(document, session=self._work.session)
            return
        # There is nobody to tell, or no way to; it stays as a failed one, for whoever wonders.
        kept = document or self._deliveries.await_(plan, session=self._work.session)
        if kept is None:
            self._deliveries.complete(plan, session=self._work.session)
        else:
            self._fail(kept, NO_CHANNEL if isinstance(known, Wish) else ERASED)

    def _fail(self, document: Document, reason: str) -> None:
        step = failed(reason, standing=standing(document), now=self._work.clock.now())
        self._deliveries.apply(document, step, session=self._work.session)
