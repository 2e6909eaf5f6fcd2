"""Importing a list: every good row is admitted as a request would be, every bad one is named.

A row's registration id comes from the forum and the person, not from the file. So a file that is
sent again, whole, changed or after a crash half-way, registers nobody twice: what was done is met.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Final

from registration.admission_queue import Admitted
from registration.admissions import Admissions
from registration.domain.findings import Finding, Reason
from registration.domain.identity import person_id
from registration.domain.imports import GoodRow, check_rows
from registration.domain.refusals import (
    AdmissionError,
    AlreadyRegisteredError,
    ForumUnknownError,
    RegistrationClosedError,
    WaitlistFullError,
)
from registration.domain.sheets import read_rows
from registration.store.drafting import Draft
from registration.store.imports import Imports, ImportState
from registration.store.ledger import Ledgers
from registration.store.organizations import Directory
from vetika_kit.clock import Clock
from vetika_kit.ids import derived_id
from vetika_kit.tracing import current_traceparent

CHUNK: Final = 64  # rows that wait together: one batch, so that requests go on beside an import
UNCHANGED: Final = "unchanged"  # the outcome of a row that was imported before


class Importing:
    """Imports of lists."""

    def __init__(
        self,
        *,
        imports: Imports,
        admissions: Admissions,
        ledgers: Ledgers,
        directory: Directory,
        secret: bytes,
        clock: Clock,
    ) -> None:
        self._imports = imports
        self._admissions = admissions
        self._ledgers = ledgers
        self._directory = directory
        self._secret = secret
        self._clock = clock

    def run(self, content: bytes, *, forum_id: str, import_id: str, by: str) -> None:
        """Import a file; its report is kept under the import's id.

        Raises:
            UnreadableFileError: It is no list at all; nothing was changed.
            ForumUnknownError: There is no such forum.
            AdmissionError: It had to stop (too busy); the same file again goes on.
        """
        if not self._ledgers.exists(forum_id):
            raise ForumUnknownError
        header, rows, broken = read_rows(content)
        good, bad = check_rows(header, rows)
        findings = [*broken, *bad]
        self._imports.begin(
            import_id,
            forum_id=forum_id,
            by=by,
            rows=len(rows) + len(broken),
            now=self._clock.now(),
        )
        outcomes: Counter[str] = Counter()
        state = ImportState.INTERRUPTED
        try:
            for chunk in _chunks(good):
                findings.extend(self._admit(chunk, forum_id, import_id, outcomes))
                self._imports.proceed(import_id, outcomes=dict(outcomes), now=self._clock.now())
            state = ImportState.COMPLETE
        finally:
            findings.sort(key=lambda finding: finding.line)
            self._imports.finish(
                import_id, state=state, outcomes=dict(outcomes), findings=findings, now=self._clock.now()
            )

    def _admit(
        self, rows: Sequence[GoodRow], forum_id: str, import_id: str, outcomes: Counter[str]
    ) -> list[Finding]:
        """Admit rows in their order; count what became of them, return what was refused."""
        answers: list[tuple[GoodRow, Future[Admitted]]] = [
            (row, self._admissions.submit(self._draft(row, forum_id, import_id), patient=True))
            for row in rows
        ]
        findings = []
        stopped: AdmissionError | None = None
        for row, answer in answers:
            try:
                admitted = self._admissions.wait(answer)
            except AlreadyRegisteredError:
                findings.append(Finding(line=row.line, column=None, reason=Reason.ALREADY_REGISTERED))
            except RegistrationClosedError:
                findings.append(Finding(line=row.line, column=None, reason=Reason.REGISTRATION_CLOSED))
            except WaitlistFullError:
                findings.append(Finding(line=row.line, column=None, reason=Reason.WAITLIST_FULL))
            except AdmissionError as error:
                stopped = error
            else:
                outcomes[admitted.registration["status"] if admitted.new else UNCHANGED] += 1
        if stopped is not None:
            raise stopped
        return findings

    def _draft(self, row: GoodRow, forum_id: str, import_id: str) -> Draft:
        person = row.form.person
        who = person_id(email=person.email, phone=person.phone, secret=self._secret)
        return Draft(
            registration_id=derived_id("imported", forum_id, who),
            forum_id=forum_id,
            form=row.form,
            affiliation=self._directory.affiliation(row.form.organization),
            import_id=import_id,
            traceparent=current_traceparent(),
        )


def _chunks(rows: Sequence[GoodRow]) -> Iterator[Sequence[GoodRow]]:
    for begin in range(0, len(rows), CHUNK):
        yield rows[begin : begin + CHUNK]
