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
LONGEST_CALL: Final = 10.0  # seconds until a database that says nothing counts as away

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
    looks = LOOKS if _answers(context) else ()
    findings = [finding for look in looks for finding in _seen(look, context)]
    return {
        "service": context.service.name,
        "version": context.service.version,
        "findings": [asdict(finding) for finding in findings or [_away("MongoDB")]],
        "language": releases.language(context.service),
        "running": _running(context) if looks else None,
    }


def _answers(context: Context) -> bool:
    """Tell whether the database is there: where it is not, no look need wait for it."""
    try:
        with pymongo.timeout(LONGEST_CALL):
            context.database.command("ping")
    except PyMongoError:
        return False
    return True


def _seen(look: Look, context: Context) -> list[Finding]:
    try:
        with pymongo.timeout(LONGEST_LOOK):
            return [*look(context)]
    except PyMongoError as error:
        return [_away("MongoDB", error)]
    except KafkaError as error:
        return [_away("Kafka", error)]


def _away(server: str, error: Exception | None = None) -> Finding:
    how = f" ({type(error).__name__})" if error else ""
    return bad(server, f"does not answer{how}: see that it runs and lets us in")


def _running(context: Context) -> dict[str, Any] | None:
    try:
        with pymongo.timeout(LONGEST_LOOK):
            return releases.latest(context.database)
    except PyMongoError:
        return None  # told by the looks
