"""Periodic jobs: what is due by the clock and not by an event."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vetika_kit import metrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Periodic:
    """A job that every worker process of a service runs; it must be safe on several replicas at once."""

    name: str
    every: float  # seconds between the end of a run and the next
    job: Callable[[], None]


class Periodicals:
    """Runs each job in a thread of its own until told to stop; a failure is logged and tried again."""

    def __init__(self, jobs: Sequence[Periodic], *, stop: threading.Event) -> None:
        self._stop = stop
        self._names = [job.name for job in jobs]
        self._threads = [
            threading.Thread(target=self._run, args=(job,), name=job.name, daemon=True) for job in jobs
        ]

    def start(self) -> None:
        """Start all of them."""
        for name in self._names:
            metrics.JOB_FAILURES.labels(name=name)  # 0 from the start: a rise from nothing is not seen
        for thread in self._threads:
            thread.start()

    def join(self, timeout: float) -> None:
        """Wait until the runs at hand are over.

        Args:
            timeout: Seconds to wait for each.
        """
        for thread in self._threads:
            thread.join(timeout)

    def _run(self, periodic: Periodic) -> None:
        while not self._stop.wait(periodic.every):
            try:
                periodic.job()
            except Exception as error:  # a job must not end because one run of it failed
                logger.exception("job %s failed: %s", periodic.name, type(error).__name__)
                metrics.JOB_FAILURES.labels(name=periodic.name).inc()
