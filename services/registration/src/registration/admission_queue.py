"""The admission queue: who applies waits here, and one thread takes what waits, a batch at a time."""

import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field, replace

from registration.domain.refusals import TooBusyError, UndecidedError
from registration.store.drafting import Draft
from registration.store.registrations import Document
from vetika_kit.ids import derived_id

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class AdmissionPolicy:
    """How long and how much may wait."""

    waiting: int = 1_000  # applications in the queue: under a second's work, so nobody waits in vain
    batch: int = 64  # applications decided in one update; more only makes the first wait for the last
    # A batch waits for callers who were just answered (a commit delay), in seconds:
    pause: float = 0.012  # until none has come for so long,
    gather: float = 0.040  # and never longer than this
    deadline: float = 8.0  # seconds that a request waits; as long as a stopping API waits for requests


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """A registration that an application led to."""

    registration: Document
    new: bool  # False: the same application came before

    @property
    def place(self) -> int | None:
        """The place in line when it was decided; None with a seat."""
        place: int | None = self.registration["answered"]["place"]
        return place


@dataclass(kw_only=True)
class Waiting:
    """An application in the queue, and where its answer goes."""

    draft: Draft
    answer: "Future[Admitted]" = field(default_factory=Future)

    @property
    def identities(self) -> tuple[str, ...]:
        """What nobody else in the forum may have."""
        return self.draft.form.identities

    def buried(self) -> "Waiting":
        """Return the same application under the id that follows its tombstone."""
        again = derived_id("after-tombstone", self.draft.registration_id)
        return Waiting(draft=replace(self.draft, registration_id=again), answer=self.answer)

    def answered_before(self, found: Document) -> None:
        """Answer an application that came before with what it led to."""
        self.answer.set_result(Admitted(registration=found, new=False))


Decide = Callable[[str, Sequence[Waiting]], None]


class AdmissionQueue:
    """The queue of one process. Its thread calls `decide` with what waits for a forum.

    `decide` answers every application or postpones it; if it raises, the others are told why.
    """

    def __init__(self, decide: Decide, *, policy: AdmissionPolicy) -> None:
        self._decide = decide
        self._policy = policy
        self._queue: queue.Queue[Waiting] = queue.Queue(maxsize=policy.waiting)
        self._answered = 0  # applications of the last batch; of the queue's thread alone
        self._postponed: list[Waiting] = []  # of the queue's thread alone
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, draft: Draft, *, patient: bool) -> "Future[Admitted]":
        """Put an application in the queue; the patient wait for room in it, as long as the policy says.

        Raises:
            TooBusyError: The queue is full.
        """
        waiting = Waiting(draft=draft)
        try:
            self._queue.put(waiting, block=patient, timeout=self._policy.deadline)
        except queue.Full:
            raise TooBusyError from None
        self._ensure_thread()
        return waiting.answer

    def wait(self, answer: "Future[Admitted]") -> Admitted:
        """Wait for an answer, as long as the policy says.

        Raises:
            TooBusyError: It was not decided in time, and is withdrawn.
            UndecidedError: It was not decided in time, and may yet be.
            AdmissionError: It was not admitted; the class says why.
        """
        try:
            return answer.result(timeout=self._policy.deadline)
        except FutureTimeoutError:
            if answer.cancel():
                raise TooBusyError from None
            raise UndecidedError from None
        except CancelledError:
            raise TooBusyError from None

    def postpone(self, waiting: Waiting) -> None:
        """Let an application be decided with the next batch; for `decide` alone."""
        self._postponed.append(waiting)

    def _ensure_thread(self) -> None:
        # Not before the first application: a thread does not survive the fork into API workers.
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="admissions", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            by_forum: defaultdict[str, list[Waiting]] = defaultdict(list)
            for waiting in self._next_batch():
                by_forum[waiting.draft.forum_id].append(waiting)
            for forum_id, applications in by_forum.items():
                try:
                    self._decide(forum_id, applications)
                except Exception as error:  # noqa: BLE001 - the thread serves everybody: it goes on, and they are told
                    logger.warning(
                        "a batch failed", extra={"error": type(error).__name__, "size": len(applications)}
                    )
                    self._fail(applications, error)

    def _next_batch(self) -> list[Waiting]:
        """Take what waits.

        Callers who were answered together come back together, a moment later: whoever took only what
        is there at once would serve the same callers in two halves by turns, each at the cost of the
        whole. A caller who comes alone is never kept waiting.
        """
        batch, self._postponed = self._postponed, []
        expected = min(self._policy.batch, self._answered + len(batch) + self._queue.qsize())
        until = time.monotonic() + self._policy.gather
        while len(batch) < self._policy.batch:
            left = until - time.monotonic() if 1 < expected > len(batch) else 0.0
            patience = min(left, self._policy.pause)
            try:
                waiting = self._queue.get(
                    block=not batch or patience > 0, timeout=patience if batch else None
                )
            except queue.Empty:
                break
            # From here on its caller cannot withdraw it.
            if waiting.answer.set_running_or_notify_cancel():
                batch.append(waiting)
        self._answered = len(batch)
        return batch

    def _fail(self, applications: Sequence[Waiting], error: Exception) -> None:
        postponed = {id(waiting.answer) for waiting in self._postponed}
        for waiting in applications:
            if not waiting.answer.done() and id(waiting.answer) not in postponed:
                waiting.answer.set_exception(error)
