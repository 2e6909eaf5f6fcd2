"""What Prometheus is shown of the seats of forums that are still to come."""

from collections.abc import Iterable

from registration import metrics
from registration.store.forums import Forums
from registration.store.ledger import Ledgers
from vetika_kit.clock import Clock
from vetika_kit.looks import Look, Value


def seat_look(*, forums: Forums, ledgers: Ledgers, clock: Clock) -> Look:
    """Return the look; seats are told as the ledger has them."""

    def read() -> Iterable[Value]:
        coming = forums.to_come(clock.now())
        seats = ledgers.seats_now([forum["_id"] for forum in coming])
        for forum in coming:
            labels = {"forum": forum["_id"], "day": forum["date"]}
            yield Value(gauge=metrics.SEATS, labels=labels, number=forum["capacity"])
            if (now := seats.get(forum["_id"])) is not None:
                yield Value(gauge=metrics.SEATS_TAKEN, labels=labels, number=now.taken)
                yield Value(gauge=metrics.WAITLIST, labels=labels, number=now.waiting)

    return Look(gauges=[metrics.SEATS, metrics.SEATS_TAKEN, metrics.WAITLIST], read=read)
