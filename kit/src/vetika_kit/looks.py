"""Looks: gauges that are read from the database in the moment in which Prometheus asks.

A gauge that a loop sets goes on showing its last value when the loop stands; one that is looked up
is true or missing.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

import pymongo
from prometheus_client import Gauge, generate_latest
from pymongo.errors import PyMongoError

logger = logging.getLogger(__name__)

_PATIENCE: Final = 1.0  # seconds; Prometheus gives all of an answer ten


@dataclass(frozen=True, kw_only=True)
class Value:
    """What one gauge shows for one set of labels."""

    gauge: Gauge
    labels: Mapping[str, str]
    number: float


@dataclass(frozen=True, kw_only=True)
class Look:
    """Gauges that are looked up together."""

    gauges: Sequence[Gauge]
    read: Callable[[], Iterable[Value]]  # asks the database; may fail with its errors


class Looks:
    """The looks of a process."""

    def __init__(self, looks: Iterable[Look]) -> None:
        self._looks = tuple(looks)
        self._one_at_a_time = Lock()  # two readers at once would see each other's gauges half filled

    def shown(self) -> bytes:
        """Take the looks and return all metrics as Prometheus reads them.

        While the database is away the gauges of a look are missing.
        """
        with self._one_at_a_time:
            for look in self._looks:
                _take(look)
            return generate_latest()


def _take(look: Look) -> None:
    try:
        with pymongo.timeout(_PATIENCE):
            values = list(look.read())
    except PyMongoError as error:
        logger.warning("nothing to show: %s", type(error).__name__)
        values = []
    for gauge in look.gauges:
        gauge.clear()
    for value in values:
        value.gauge.labels(**value.labels).set(value.number)
