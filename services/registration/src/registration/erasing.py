"""Forgetting a person: their registrations lose their name, and a tombstone tells every reader.

A relay that slept through its lease may publish an old record of the person after the tombstone. So
the tombstone is published again, once no record of the person has waited to leave for as long as the
longest lease. Should the person have come back by then, their contact is published once more behind
it: compaction keeps only the last.
"""

import logging
from datetime import timedelta

from registration.store.drafting import contact_of
from registration.store.erasures import Document, Erasures
from registration.store.registrations import Registrations
from vetika_kit.clock import Clock
from vetika_kit.outbox import StaleVersionError

logger = logging.getLogger(__name__)


class Erasing:
    """Erases people, and sees erasures through."""

    def __init__(
        self,
        *,
        erasures: Erasures,
        registrations: Registrations,
        secret: bytes,
        clock: Clock,
        repeat_after: timedelta,
    ) -> None:
        self._erasures = erasures
        self._registrations = registrations
        self._secret = secret
        self._clock = clock
        self._repeat_after = repeat_after

    def erase(self, person_id: str) -> bool:
        """Forget a person; return whether there was one. Again changes nothing more."""
        if not self._erasures.is_known(person_id):
            return False
        if self._erasures.get(person_id) is None or self._erasures.registered_anew(person_id) is not None:
            # The erasure first: dies the process here, `see_through` does the rest.
            self._erasures.begin(person_id, now=self._clock.now())
        now = self._clock.now()
        self._erasures.anonymize(person_id, before=now, now=now)
        return True

    def see_through(self) -> None:
        """Take every open erasure one step on; several processes may at once."""
        for erasure in self._erasures.open_ones():
            try:
                self._take_on(erasure)
            except StaleVersionError:
                continue  # another worker was faster

    def _take_on(self, erasure: Document) -> None:
        now, person = self._clock.now(), erasure["_id"]
        self._erasures.anonymize(person, before=erasure["erased_at"], now=now)
        if erasure["repeated_at"] is not None:
            if "since" not in erasure["outbox"]:  # the second tombstone has left
                self._close(erasure)
        elif self._erasures.contact_waits(person):
            if erasure["quiet_since"] is not None:
                self._erasures.note_quiet(erasure, since=None)
        elif erasure["quiet_since"] is None:
            self._erasures.note_quiet(erasure, since=now)
        elif now - erasure["quiet_since"] >= self._repeat_after:
            self._erasures.repeat(erasure, now=now)

    def _close(self, erasure: Document) -> None:
        back = self._erasures.registered_anew(erasure["_id"])
        if back is not None:
            contact = contact_of(back, secret=self._secret, now=self._clock.now())
            self._registrations.aggregates.update(back, {}, contact)
        self._erasures.close(erasure)
