"""Who applies a service's migrations: its workers, beside their work, or a one-shot process."""

import logging
import secrets
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pymongo.errors import PyMongoError

from vetika_kit import metrics, releases
from vetika_kit.inbox import is_transient
from vetika_kit.migrations import Migrations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vetika_kit.service import Context

logger = logging.getLogger(__name__)

RETRY: Final = 2.0  # seconds until the next attempt, while another process is at it or the database is away
AGAIN: Final = 600.0  # seconds until a worker looks again for what old processes have written meanwhile


def run_migrations(context: "Context") -> None:
    """Apply the service's migrations until none is left, or until told to stop."""
    migrations = _migrations(context)
    while not context.stop.is_set():
        try:
            if migrations.run(context.stop):
                return
            logger.info("waiting: another process is at it, or one of the version before writes on")
        except PyMongoError as error:
            if not is_transient(error):
                raise
            logger.warning("waiting for the database: %s", type(error).__name__)
        context.stop.wait(RETRY)
    logger.warning("stopped before every migration was done")


@contextmanager
def running_release(context: "Context") -> "Iterator[None]":
    """Remember which release runs, and apply its migrations beside a block, whose work waits for none."""
    try:
        releases.record(context.database, context.service)
    except PyMongoError as error:  # the next start will; nobody's work waits for it
        logger.warning("this release is not remembered: %s", type(error).__name__)
    if not context.service.migrations:
        yield
        return
    thread = threading.Thread(target=_migrate, args=(context,), name="migrate", daemon=True)
    thread.start()
    yield
    thread.join(timeout=5)


def _migrate(context: "Context") -> None:
    migrations, pause = _migrations(context), 0.0
    while not context.stop.wait(pause):
        pause = RETRY
        try:
            if migrations.run(context.stop):
                pause = AGAIN
        except Exception as error:  # the work goes on: documents of the old form are read as well
            logger.exception("migrating failed: %s", type(error).__name__)
            metrics.JOB_FAILURES.labels(job="migrate").inc()


def _migrations(context: "Context") -> Migrations:
    owner = f"{context.name}-{secrets.token_hex(4)}"
    return Migrations(context.database, declared=context.service.migrations, owner=owner)
