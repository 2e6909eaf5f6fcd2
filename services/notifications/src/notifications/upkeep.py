"""What is due by the clock: each job may run on several replicas at once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from pymongo.database import Database

from notifications.domain.delivery import UNKNOWN_PERSON, failed
from notifications.planning import Planning, stores
from notifications.store.deliveries import Deliveries, standing
from notifications.store.forums import Forums
from vetika_kit.clock import Clock
from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document
from vetika_kit.outbox import StaleVersionError
from vetika_kit.periodic import Periodic

# A registration and the cancellation of its forum may be handled at the same moment, in two transactions
# that do not see each other. No transaction lives longer than a minute.
CANCELLATIONS_AGAIN_FOR: Final = timedelta(minutes=10)
# Contacts and forums arrive within seconds of what refers to them. What waits for so long was erased before
# it was told here, or another service lost it.
PATIENCE: Final = timedelta(days=7)

_BATCH: Final = 100


def periodic_jobs(database: "Database[Document]", clock: Clock) -> Sequence[Periodic]:
    """Return the jobs."""
    return [
        Periodic(
            name="tell_of_cancellations_again",
            every=30.0,
            job=lambda: tell_of_cancellations_again(database, clock),
        ),
        Periodic(name="give_up_waiting", every=3600.0, job=lambda: give_up_waiting(database, clock)),
    ]


def tell_of_cancellations_again(database: "Database[Document]", clock: Clock) -> None:
    """Tell those whom a forum's cancellation missed; who was told is not told twice."""
    for forum in Forums(database=database).cancelled_since(clock.now() - CANCELLATIONS_AGAIN_FOR):
        with database.client.start_session() as session, session.start_transaction():
            work = UnitOfWork(database=database, session=session, clock=clock)
            planning: Planning = stores(work)["planning"]
            planning.forum_cancelled(forum)
            work.flush()


def give_up_waiting(database: "Database[Document]", clock: Clock) -> None:
    """End what has waited for a contact or a forum for too long."""
    deliveries = Deliveries(database=database, clock=clock)
    for waiting in deliveries.waiting_since(clock.now() - PATIENCE, limit=_BATCH):
        try:
            deliveries.apply(waiting, failed(UNKNOWN_PERSON, standing=standing(waiting), now=clock.now()))
        except StaleVersionError:
            continue  # it came after all
