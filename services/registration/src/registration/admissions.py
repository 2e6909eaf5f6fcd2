"""Admission: applications are decided in batches, one update of the ledger and one insert for many.

The ledger is one document, so updates of it wait for each other, and each waits for the journal.
Deciding what waits in one update is what lets a forum take more than a thousand applications a
second instead of sixty (docs/adr/0004-group-commit-for-seats.md).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Final

from registration.admission_queue import AdmissionPolicy, AdmissionQueue, Admitted, Waiting
from registration.domain.placement import Application
from registration.domain.refusals import (
    AdmissionError,
    AlreadyRegisteredError,
    ForumUnknownError,
    RegistrationClosedError,
    WaitlistFullError,
)
from registration.settlement import Settlement
from registration.store.drafting import Draft
from registration.store.holds import Hold
from registration.store.ledger import Ledgers
from registration.store.registrations import KnownRegistration, Registrations
from vetika_kit.clock import Clock
from vetika_kit.ids import new_id

_REFUSALS: Final[Mapping[bool | None, type[AdmissionError]]] = {
    None: ForumUnknownError,
    False: RegistrationClosedError,
    True: WaitlistFullError,
}
"""Why a ledger took nobody, by whether its forum is open; None: there is no ledger."""


class Admissions:
    """The admission queue of one process."""

    def __init__(
        self,
        *,
        ledgers: Ledgers,
        registrations: Registrations,
        settlement: Settlement,
        secret: bytes,
        clock: Clock,
        policy: AdmissionPolicy | None = None,
    ) -> None:
        self._ledgers = ledgers
        self._registrations = registrations
        self._settlement = settlement
        self._secret = secret
        self._clock = clock
        self._queue = AdmissionQueue(self._decide, policy=policy or AdmissionPolicy())
        self._done: defaultdict[str, list[str]] = defaultdict(list)  # forum → tickets; of its thread alone

    def admit(self, draft: Draft) -> Admitted:
        """Decide an application, and wait for it.

        Raises:
            AdmissionError: It was not admitted; the class says why.
            PyMongoError: The database failed; nobody knows more.
        """
        return self.wait(self.submit(draft))

    def submit(self, draft: Draft, *, patient: bool = False) -> "Future[Admitted]":
        """Put an application in the queue; the patient wait for room in it, as long as the policy says.

        Raises:
            TooBusyError: The queue is full.
        """
        return self._queue.submit(draft, patient=patient)

    def wait(self, answer: "Future[Admitted]") -> Admitted:
        """Wait for an answer, as long as the policy says.

        Raises:
            AdmissionError: It was not admitted; the class says why.
        """
        return self._queue.wait(answer)

    def _decide(self, forum_id: str, applications: Sequence[Waiting]) -> None:
        candidates = self._new_ones(forum_id, self._one_a_person(applications))
        if not candidates:
            return
        done = self._done.pop(forum_id, [])
        try:
            holds = self._ledgers.admit(
                forum_id,
                [
                    Application(
                        ticket=new_id(),
                        registration_id=waiting.draft.registration_id,
                        category=waiting.draft.form.stakeholder_category,
                        organization=waiting.draft.affiliation.key,
                    )
                    for waiting in candidates
                ],
                done=done,
                now=self._clock.now(),
            )
        except Exception:
            self._done[forum_id].extend(done)
            raise
        if holds is None:
            error = _REFUSALS[self._ledgers.is_open(forum_id)]
            for waiting in candidates:
                waiting.answer.set_exception(error())
            return
        self._register(candidates, holds)

    def _one_a_person(self, applications: Sequence[Waiting]) -> list[Waiting]:
        """Put off whoever stands in the batch twice: the second is judged when the first is written."""
        first: list[Waiting] = []
        seen: set[str] = set()
        for waiting in applications:
            if seen.isdisjoint(waiting.identities) and waiting.draft.registration_id not in seen:
                first.append(waiting)
            else:
                self._queue.postpone(waiting)
            seen.update(waiting.identities, (waiting.draft.registration_id,))
        return first

    def _new_ones(self, forum_id: str, applications: Sequence[Waiting]) -> list[Waiting]:
        """Answer those whose registration is there; return the others."""
        by_id, by_identity = self._registrations.known(
            forum_id,
            ids=[waiting.draft.registration_id for waiting in applications],
            identities=[one for waiting in applications for one in waiting.identities],
        )
        new: list[Waiting] = []
        again: list[Waiting] = []
        for waiting in applications:
            known = by_id.get(waiting.draft.registration_id)
            same_person = _same_person(waiting, by_identity)
            if known is not None and known.tombstone:
                self._queue.postpone(waiting.buried())
            elif known is not None:
                again.append(waiting)
            elif same_person is not None:
                waiting.answer.set_exception(AlreadyRegisteredError(same_person.reference))
            else:
                new.append(waiting)
        if again:
            found = self._registrations.of_ids(waiting.draft.registration_id for waiting in again)
            for waiting in again:
                waiting.answered_before(found[waiting.draft.registration_id])
        return new

    def _register(self, candidates: Sequence[Waiting], holds: dict[str, Hold]) -> None:
        now = self._clock.now()
        decided = [holds[waiting.draft.registration_id] for waiting in candidates]
        pairs = [
            waiting.draft.written(hold, secret=self._secret, now=now)
            for waiting, hold in zip(candidates, decided, strict=True)
        ]
        refused = set(self._registrations.insert_many(pairs))
        for at, (waiting, hold) in enumerate(zip(candidates, decided, strict=True)):
            if at not in refused:
                self._done[hold.forum_id].append(hold.ticket)
                document, _ = pairs[at]
                waiting.answer.set_result(Admitted(registration={**document, "version": 1}, new=True))
        if refused:
            self._resolve([(candidates[at], decided[at]) for at in sorted(refused)])

    def _resolve(self, refused: Sequence[tuple[Waiting, Hold]]) -> None:
        """Answer those whose insert met something: themselves, a tombstone, or the same person."""
        there = self._registrations.of_ids(hold.registration_id for _, hold in refused)
        for waiting, hold in refused:
            self._settlement.settle_admission(hold)
            found = there.get(hold.registration_id)
            if found is not None and "tombstone" not in found:
                waiting.answered_before(found)
            elif found is not None:
                self._queue.postpone(waiting.buried())
            else:
                waiting.answer.set_exception(AlreadyRegisteredError(self._reference_of(waiting)))

    def _reference_of(self, waiting: Waiting) -> str | None:
        _, by_identity = self._registrations.known(
            waiting.draft.forum_id, ids=[], identities=waiting.identities
        )
        known = _same_person(waiting, by_identity)
        return None if known is None else known.reference


def _same_person(waiting: Waiting, by_identity: Mapping[str, KnownRegistration]) -> KnownRegistration | None:
    return next((by_identity[one] for one in waiting.identities if one in by_identity), None)
