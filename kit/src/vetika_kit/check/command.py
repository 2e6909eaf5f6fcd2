"""``<service> check``: every look, one JSON document."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import pymongo
from kafka.errors import KafkaError
from pymongo.errors import PyMongoError

from vetika_kit import releases
from vetika_kit.check import store
from vetika_kit.check.findings import Finding, Level, bad
from vetika_kit.check.indexes import indexes
from vetika_kit.check.stream import stream
from vetika_kit.clock import SystemClock
from vetika_kit.config import ServiceConfig
from vetika_kit.service import Context

if TYPE_CHECKING:
    from vetika_kit.service import Service

LONGEST_LOOK: Final = 20.0  # seconds that the database may take to answer one look

Look = Callable[[Context], Iterator[Finding]]
LOOKS: Final[tuple[Look, ...]] = (
    store.halts,
    store.dead_letters,
    store.outbox,
    store.migrations,
    store.room,
    indexes,
    stream,
)


def run_check(service: "Service", config: ServiceConfig) -> int:
    """Print the report; return 1 when something in it is bad, so that a job before an upgrade can stop it."""
    database = service.database(config)
    context = Context(
        service=service,
        config=config,
        database=database,
        clock=SystemClock(),
        stop=threading.Event(),
        name=f"{service.name}-check-{socket.gethostname()}",
    )
    try:
        found = report(context)
    finally:
        database.client.close()
    print(json.dumps(found))  # noqa: T201 - its output
    return 1 if any(finding["level"] == Level.BAD for finding in found["findings"]) else 0


def report(context: Context) -> dict[str, Any]:
    """Return what the looks found, and what this version and the one that ran last publish and read."""
    findings = [finding for look in LOOKS for finding in _seen(look, context)]
    return {
        "service": context.service.name,
        "version": context.service.version,
        "findings": [asdict(finding) for finding in findings],
        "language": releases.language(context.service),
        "running": _running(context),
    }


def _seen(look: Look, context: Context) -> list[Finding]:
    try:
        with pymongo.timeout(LONGEST_LOOK):
            return [*look(context)]
    except PyMongoError as error:
        return [bad("MongoDB", f"does not answer ({type(error).__name__}): see that it runs and lets us in")]
    except KafkaError as error:
        return [bad("Kafka", f"does not answer ({type(error).__name__}): see that it runs and lets us in")]


def _running(context: Context) -> dict[str, Any] | None:
    try:
        with pymongo.timeout(LONGEST_LOOK):
            return releases.latest(context.database)
    except PyMongoError:
        return None  # told by every look
