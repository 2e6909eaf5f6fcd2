"""What notifications is made of, for the kit."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo.database import Database

from notifications import consumes, publishes, recovers
from notifications.config import NotificationsConfig
from notifications.planning import stores
from notifications.queue_look import queue_look
from notifications.sender import run_sender
from notifications.store import deliveries, forums, roster
from notifications.store.queue import Queue
from notifications.store.recovered import RecoveredDeliveries
from notifications.upkeep import periodic_jobs
from vetika_kit.backup.recovery import Recovery
from vetika_kit.clock import Clock
from vetika_kit.inbox import UnitOfWork
from vetika_kit.looks import Look
from vetika_kit.periodic import Periodic
from vetika_kit.service import Service


def _stores(work: UnitOfWork, _config: NotificationsConfig) -> Mapping[str, object]:
    return stores(work)


def _ensure_indexes(database: "Database[dict[str, Any]]") -> None:
    for store in (deliveries, forums, roster):
        store.ensure_indexes(database)


def _periodic(
    database: "Database[dict[str, Any]]", _config: NotificationsConfig, clock: Clock
) -> Sequence[Periodic]:
    return periodic_jobs(database, clock)


def _looks(database: "Database[dict[str, Any]]", clock: Clock) -> Sequence[Look]:
    return [queue_look(Queue(database=database), clock=clock)]


SERVICE: Final = Service(
    name="notifications",
    title="Notifications",
    config=NotificationsConfig,
    publishes=publishes,
    consumes=consumes,
    create_app="notifications.app:create_app",
    outboxes=(deliveries.DELIVERIES,),
    stores=_stores,
    recovery=Recovery(
        module=recovers,
        stores=lambda work, _: {"deliveries": RecoveredDeliveries(work=work)},
        finish=recovers.forget_who_is_on_no_record,
        lost=recovers.LOST,
    ),
    ensure_indexes=_ensure_indexes,
    periodic=_periodic,
    looks=_looks,
    processes={"sender": run_sender},
)
