"""The kinds of process that every service has: composition roots for relay and worker."""

import gc
import logging
import math
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import pymongo
from pymongo.database import Database
from pymongo.errors import PyMongoError

from vetika_kit import kafka_clients, metrics
from vetika_kit.backup.upkeep import unfinished
from vetika_kit.clock import Clock
from vetika_kit.config import ServiceConfig
from vetika_kit.consumer_state import ConsumerState
from vetika_kit.dead_letters import dead_letters_kept
from vetika_kit.health import Health, coming_round, readiness, relay_works, worker_lives, worker_works
from vetika_kit.inbox import Inbox, is_transient
from vetika_kit.intake import Intake
from vetika_kit.leases import LeasePolicy, ShardLeases
from vetika_kit.looks import Look
from vetika_kit.migrating import running_release
from vetika_kit.mongo import Document
from vetika_kit.outbox import SHARDS
from vetika_kit.outboxes import oldest_waiting
from vetika_kit.periodic import Periodicals
from vetika_kit.probes import Probes
from vetika_kit.relay import Relay, RelayPolicy
from vetika_kit.replay import Replay
from vetika_kit.topics import Topics
from vetika_kit.worker import Worker, WorkerPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vetika_kit.service import Context, Service

logger = logging.getLogger(__name__)

_LOOK: Final = 0.5  # seconds that a look at the outbox may take
_RETRY: Final = 2.0  # seconds between attempts to reach a database that is away at the start


def run_relay(context: "Context") -> None:
    """Publish what waits in the service's outboxes until told to stop."""
    # A batch is thousands of objects without a cycle: looking for cycles among them took 7 % of the time.
    gc.set_threshold(100_000)
    relay = make_relay(context)

    age = partial(_outbox_age, context)
    # Looked up when Prometheus asks: a relay that waits for Kafka shows it too.
    metrics.OUTBOX_AGE.labels(service=context.service.name).set_function(age)
    with serving_probes(
        context,
        live=lambda: coming_round(relay.ticked_at),
        ready=lambda: relay_works(outbox_age=age(), limit=context.config.outbox_age_unhealthy),
    ):
        relay.run(context.stop)


def run_worker(context: "Context") -> None:
    """Handle what the service reads, and run its periodic jobs, until told to stop."""
    service = context.service
    worker = make_worker(context)
    jobs = Periodicals(service.periodic(context.database, context.config, context.clock), stop=context.stop)

    jobs.start()
    with (
        running_release(context),
        serving_probes(
            context,
            live=lambda: worker_lives(worker),
            ready=lambda: worker_works(worker),
            looks=[dead_letters_kept(context.database), *service.looks(context.database, context.clock)],
        ),
    ):
        worker.run(context.stop)
    jobs.join(timeout=5)


def make_relay(
    context: "Context", *, policy: RelayPolicy | None = None, leases: LeasePolicy | None = None
) -> Relay:
    """Put a relay together."""
    service, config = context.service, context.config
    owner = f"{context.name}-{secrets.token_hex(4)}"
    return Relay(
        context.database,
        outboxes=service.outboxes,
        source=service.source(config.coalition),
        service=service.name,
        topics=Topics(coalition=config.coalition),
        producer=lambda: kafka_clients.producer(config, client_id=context.name),
        leases=ShardLeases(context.database, owner=owner, shards=range(SHARDS), policy=leases),
        policy=policy,
    )


def make_worker(context: "Context", *, policy: WorkerPolicy | None = None) -> Worker:
    """Put a worker together."""
    service, config, clock = context.service, context.config, context.clock
    policy = policy or WorkerPolicy()
    names = Topics(coalition=config.coalition)
    group = names.group(service.name)
    handlers = service.handlers
    topics = handlers.topics(names)
    inbox = Inbox(context.database, group=group, clock=clock)
    make_stores = service.stores
    intake = Intake(
        inbox,
        handlers=handlers,
        topics=topics,
        stores=lambda unit: make_stores(unit, config) if make_stores else {},
        group=group,
        clock=clock,
    )
    return Worker(
        make_consumer=lambda: kafka_clients.consumer(
            config, group=group, client_id=context.name, max_poll_records=policy.batch
        ),
        topics=list(topics),
        inbox=inbox,
        intake=intake,
        replay=Replay(context.database, inbox=inbox, intake=intake, clock=clock),
        state=ConsumerState(context.database, group=group, clock=clock),
        service=service.name,
        policy=policy,
    )


def _outbox_age(context: "Context") -> float:
    """Return for how many seconds the oldest event has waited; no number while the database is away."""
    try:
        with pymongo.timeout(_LOOK):
            return oldest_waiting(context.database, context.service.outboxes, clock=context.clock) or 0.0
    except PyMongoError:
        return math.nan


@contextmanager
def serving_probes(
    context: "Context",
    *,
    live: Callable[[], Health],
    ready: Callable[[], Health],
    looks: Iterable[Look] = (),
) -> "Iterator[Probes]":
    """Show a process's health and metrics while a block runs."""

    def told(question: Callable[[], Health]) -> Health:
        health = question()
        return Health(good=health.good, details={"process": context.name, **health.details})

    probes = Probes(
        host=context.config.http_host,
        port=context.config.probe_port,
        live=lambda: told(live),
        ready=ready,
        looks=looks,
    )
    works = partial(readiness, live=live, ready=ready)
    metrics.READY.labels(service=context.service.name).set_function(lambda: works().good)
    probes.start()
    try:
        yield probes
    finally:
        probes.close()


def prepare_when_possible(
    service: "Service", config: ServiceConfig, database: "Database[Document]", clock: Clock
) -> None:
    """Make the indexes as soon as the database answers: a process may be started before its database.

    One that is being restored or rebuilt is nobody's to use: what is half there would be told to others.
    """
    while True:
        try:
            if (work := unfinished(database)) is not None:
                logger.error("a %s of the database is not complete: run it again", work)
                time.sleep(_RETRY)
                continue
            service.prepare(database, coalition=config.coalition, clock=clock)
        except PyMongoError as error:
            if not is_transient(error):
                raise
            logger.warning("waiting for the database: %s", type(error).__name__)
            time.sleep(_RETRY)
        else:
            return


def run_api_server(service: "Service", config: ServiceConfig) -> None:
    """Run the API on gunicorn until told to stop."""
    # The only place that needs gunicorn; relay and worker do without.
    from vetika_kit.http.server import run_api  # noqa: PLC0415

    run_api(service, config)
