"""What registration is made of, for the kit."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from pymongo.database import Database

from registration import consumes, publishes, recovers
from registration.config import RegistrationConfig
from registration.erasing import Erasing
from registration.seat_look import seat_look
from registration.settlement import Settlement, Sweeper
from registration.store import erasures, organizations, registrations
from registration.store.erasures import Erasures
from registration.store.forums import Forums, HeardForums
from registration.store.ledger import Ledgers
from registration.store.organizations import Organizations
from registration.store.registrations import Registrations
from vetika_kit.backup.recovery import Recovery
from vetika_kit.clock import Clock, SystemClock
from vetika_kit.inbox import UnitOfWork
from vetika_kit.looks import Look
from vetika_kit.periodic import Periodic
from vetika_kit.service import Service

SWEEP_EVERY: Final = 1.0
"""Seconds between two sweeps: when seats are added by meetings, people learn of it within a second."""

ERASURES_EVERY: Final = 5.0
"""Seconds between two looks at open erasures; each waits for a relay's longest lease anyway."""


def _stores(work: UnitOfWork, _config: RegistrationConfig) -> Mapping[str, object]:
    return {"forums": HeardForums(work=work)}


def _ensure_indexes(database: "Database[dict[str, Any]]") -> None:
    clock = SystemClock()  # indexes know no time
    Registrations(database, clock=clock).ensure_indexes()
    Organizations(database, clock=clock).ensure_indexes()
    Erasures(database, clock=clock).ensure_indexes()
    Forums(database).ensure_indexes()


def _periodic(
    database: "Database[dict[str, Any]]", config: RegistrationConfig, clock: Clock
) -> Sequence[Periodic]:
    ledgers = Ledgers(database)
    registrations_ = Registrations(database, clock=clock)
    sweeper = Sweeper(
        ledgers=ledgers,
        registrations=registrations_,
        settlement=Settlement(ledgers=ledgers, registrations=registrations_, clock=clock),
        clock=clock,
        limit=timedelta(seconds=config.hold_limit),
    )
    erasing = Erasing(
        erasures=Erasures(database, clock=clock),
        registrations=registrations_,
        secret=config.key,
        clock=clock,
        repeat_after=timedelta(seconds=config.erasure_repeat),
    )
    return [
        Periodic(name="settle_what_was_left", every=SWEEP_EVERY, job=sweeper.sweep),
        Periodic(name="see_erasures_through", every=ERASURES_EVERY, job=erasing.see_through),
    ]


def _looks(database: "Database[dict[str, Any]]", clock: Clock) -> Sequence[Look]:
    return [seat_look(forums=Forums(database), ledgers=Ledgers(database), clock=clock)]


SERVICE: Final = Service(
    name="registration",
    title="Registration",
    config=RegistrationConfig,
    publishes=publishes,
    consumes=consumes,
    create_app="registration.app:create_app",
    outboxes=(registrations.COLLECTION, organizations.COLLECTION, erasures.COLLECTION),
    stores=_stores,
    recovery=Recovery(module=recovers, stores=recovers.take_back, finish=recovers.finish, lost=recovers.LOST),
    ensure_indexes=_ensure_indexes,
    periodic=_periodic,
    looks=_looks,
)
