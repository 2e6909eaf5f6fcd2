"""What meetings is made of, for the kit."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo.database import Database

from meetings import consumes, publishes, recovers
from meetings.config import MeetingsConfig
from meetings.forums import Forums
from meetings.store.forums import FORUMS, ForumStore, ensure_indexes
from meetings.store.organizations import HeardOrganizations, Organizations
from meetings.store.recovered import RecoveredForums
from vetika_kit.backup.recovery import Recovery
from vetika_kit.clock import Clock
from vetika_kit.inbox import UnitOfWork
from vetika_kit.periodic import Periodic
from vetika_kit.service import Service

DATES_EVERY: Final = 1.0
"""Seconds between two looks at the dates: a registration opens within a second of its time, for one
query of an index that is empty almost always."""


def _stores(work: UnitOfWork, _config: MeetingsConfig) -> Mapping[str, object]:
    return {"organizations": HeardOrganizations(work=work)}


def _periodic(
    database: "Database[dict[str, Any]]", _config: MeetingsConfig, clock: Clock
) -> Sequence[Periodic]:
    forums = Forums(
        store=ForumStore(database=database, clock=clock),
        organizations=Organizations(database=database),
        clock=clock,
    )

    def follow_the_dates() -> None:
        forums.follow_the_dates()

    return [Periodic(name="follow_the_dates", every=DATES_EVERY, job=follow_the_dates)]


SERVICE: Final = Service(
    name="meetings",
    title="Meetings",
    config=MeetingsConfig,
    publishes=publishes,
    consumes=consumes,
    create_app="meetings.app:create_app",
    outboxes=(FORUMS,),
    stores=_stores,
    recovery=Recovery(
        module=recovers, stores=lambda work, _: {"forums": RecoveredForums(work=work)}, lost=recovers.LOST
    ),
    ensure_indexes=ensure_indexes,
    periodic=_periodic,
)
