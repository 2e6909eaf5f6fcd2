"""What Prometheus is shown of what waits to be sent."""

from collections.abc import Iterable

from notifications import metrics
from notifications.domain.delivery import Channel
from notifications.store.queue import Queue
from vetika_kit.clock import Clock
from vetika_kit.looks import Look, Value


def queue_look(queue: Queue, *, clock: Clock) -> Look:
    """Return the look."""

    def read() -> Iterable[Value]:
        for (channel, state), number in queue.counts().items():
            labels = {"channel": channel or "none", "state": state}
            yield Value(gauge=metrics.WAITING, labels=labels, number=number)
        for channel in Channel:
            due = queue.oldest_due(channel, now=clock.now())
            yield Value(gauge=metrics.OLDEST_DUE, labels={"channel": channel}, number=due)

    return Look(gauges=[metrics.WAITING, metrics.OLDEST_DUE], read=read)
