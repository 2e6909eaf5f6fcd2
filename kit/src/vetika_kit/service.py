"""A service as one value: what it is called, publishes, reads and keeps, and the processes it runs as."""

import argparse
import importlib
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pymongo.database import Database

from vetika_kit.backup.recovery import Recovery
from vetika_kit.clock import Clock, SystemClock
from vetika_kit.config import ConfigurationError, ServiceConfig, load
from vetika_kit.handlers import Handlers
from vetika_kit.http.indexes import ensure_indexes as ensure_http_indexes
from vetika_kit.inbox import Inbox, UnitOfWork
from vetika_kit.looks import Look
from vetika_kit.migrations import Migration
from vetika_kit.mongo import Document, connect, connection_name, service_database
from vetika_kit.outbox import Aggregates
from vetika_kit.periodic import Periodic
from vetika_kit.topics import Topics

if TYPE_CHECKING:
    from flask import Flask  # relay and worker do without

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a process works with."""

    service: "Service"
    config: Any  # the service's own settings, a ServiceConfig
    database: "Database[Document]"
    clock: Clock
    stop: threading.Event
    name: str  # of this process, unique among all replicas


def _no_indexes(_: "Database[Document]") -> None:
    """Make nothing: what the kit needs it makes itself."""


def _no_jobs(_: "Database[Document]", __: Any, ___: Clock) -> Sequence[Periodic]:
    return ()


def _no_looks(_: "Database[Document]", __: Clock) -> Sequence[Look]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Service:
    """Everything that the kit must know of a service."""

    name: str
    title: str
    config: type[ServiceConfig]
    create_app: str  # "package.module:function" taking (config, *, database, clock); imported by the API only
    publishes: ModuleType | None = None
    consumes: ModuleType | None = None
    outboxes: tuple[str, ...] = ()  # collections whose documents carry an outbox
    stores: Callable[[UnitOfWork, Any], Mapping[str, object]] | None = None
    recovery: Recovery | None = None  # how it takes back what it told itself
    ensure_indexes: Callable[["Database[Document]"], None] = _no_indexes
    periodic: Callable[["Database[Document]", Any, Clock], Sequence[Periodic]] = _no_jobs
    looks: Callable[["Database[Document]", Clock], Sequence[Look]] = _no_looks  # shown by its workers
    processes: Mapping[str, Callable[[Context], None]] = field(default_factory=dict)
    migrations: tuple[Migration, ...] = ()  # of stored documents, in the order in which they are applied

    @property
    def version(self) -> str:
        """The installed version of the service's package."""
        try:
            return version(f"vetika-{self.name}")
        except PackageNotFoundError:
            return "0"

    @property
    def handlers(self) -> Handlers:
        """What it reads."""
        return Handlers.in_module(self.consumes)

    def source(self, coalition: str) -> str:
        """Return the ``source`` of its events."""
        return f"/{coalition}/{self.name}"

    def database(self, config: ServiceConfig, *, work: str = "") -> "Database[Document]":
        """Open the service's own database.

        Args:
            config: The service's settings.
            work: What one-shot work it is opened for; MongoDB shows its connections apart from the others'.
        """
        name = connection_name(config, service=self.name)
        client = connect(config, name=f"{name} {work}" if work else name)
        return service_database(client, coalition=config.coalition, service=self.name)

    def prepare(self, database: "Database[Document]", *, coalition: str, clock: Clock) -> None:
        """Make every index that the service and the kit need; again changes nothing."""
        for name in self.outboxes:
            Aggregates(database[name], clock=clock).ensure_indexes()
        Inbox(database, group=Topics(coalition=coalition).group(self.name), clock=clock).ensure_indexes()
        ensure_http_indexes(database)
        self.ensure_indexes(database)

    def app(self, config: ServiceConfig, *, database: "Database[Document]", clock: Clock) -> "Flask":
        """Build the API."""
        module, _, function = self.create_app.partition(":")
        create: Callable[..., Flask] = getattr(importlib.import_module(module), function)
        return create(config, database=database, clock=clock)

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Run one process of the service, until SIGTERM or SIGINT; return the exit status."""
        # Imported here: the kinds of process import each other's libraries only when they run.
        from vetika_kit import processes  # noqa: PLC0415
        from vetika_kit.backup.commands import WORKS  # noqa: PLC0415
        from vetika_kit.logs import configure_logging  # noqa: PLC0415
        from vetika_kit.migrating import run_migrations  # noqa: PLC0415
        from vetika_kit.tracing import configure as configure_tracing  # noqa: PLC0415

        kinds = {
            "relay": processes.run_relay,
            "worker": processes.run_worker,
            "migrate": run_migrations,
            **self.processes,
        }
        parser = argparse.ArgumentParser(prog=self.name, description=self.title, allow_abbrev=False)
        chosen_ones = parser.add_subparsers(dest="process", required=True, metavar="PROCESS")
        for name in ("api", *kinds, "indexes", "check"):
            chosen_ones.add_parser(name, help="a kind of process to run", allow_abbrev=False)
        for name, work in WORKS.items():
            work.configure(
                chosen_ones.add_parser(name, help=work.help, description=work.help, allow_abbrev=False)
            )
        arguments = parser.parse_args(argv)
        chosen = arguments.process
        try:
            config = load(self.config)
        except ConfigurationError as error:
            print(f"{self.name}: {error}", file=sys.stderr)  # noqa: T201 - nobody reads JSON logs of a process that did not start
            return 2
        # A work may write its result to stdout.
        stream = sys.stderr if chosen in WORKS else None
        configure_logging(service=self.name, process=chosen, level=config.log_level, stream=stream)
        if chosen == "check":
            from vetika_kit.check import run_check  # noqa: PLC0415 - as above

            return run_check(self, config)
        if chosen == "api":
            # The API's worker processes open their own clients after the fork.
            processes.run_api_server(self, config)
            return 0
        configure_tracing(service=self.name, process=chosen, otlp_endpoint=config.otlp_endpoint)
        clock = SystemClock()
        database = self.database(config, work=chosen if chosen in WORKS else "")
        stop = threading.Event()
        context = Context(
            service=self,
            config=config,
            database=database,
            clock=clock,
            stop=stop,
            name=f"{self.name}-{chosen}-{socket.gethostname()}-{threading.get_native_id()}",
        )
        if chosen in WORKS:
            return WORKS[chosen].run(context, arguments)
        processes.prepare_when_possible(self, config, database, clock)
        if chosen == "indexes":
            return 0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        logger.info("started")
        kinds[chosen](context)
        logger.info("stopped")
        return 0
