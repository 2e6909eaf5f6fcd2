"""Worker: events a second with the inbox, beside a poll loop that does one bare insert for each event.

The rounds alternate in one run; the medians are compared. Both read the same records.
"""

import statistics
import threading
import time
from collections.abc import Mapping
from types import ModuleType

from _ground import Ground, ground
from kafka import TopicPartition
from marshmallow import fields
from pymongo import UpdateOne
from pymongo.database import Database

from vetika_kit import kafka_clients
from vetika_kit.clock import SystemClock
from vetika_kit.cloudevents import encode
from vetika_kit.config import ServiceConfig
from vetika_kit.events import EventSchema, ReaderSchema, Received, publishes
from vetika_kit.handlers import handles
from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document
from vetika_kit.processes import make_worker
from vetika_kit.service import Service
from vetika_kit.topics import Topics

EVENTS = 20_000
BARE = 2_000  # one insert an event is slow; fewer of them measure as well
ROUNDS = 5


@publishes("bench.happened.v1", example={"name": "x"})
class Happened(EventSchema):
    """Something."""

    name = fields.String(required=True)
    forum_id = fields.String(required=True)
    person_id = fields.String(required=True)


class Read(ReaderSchema):
    """What the handler needs."""

    name = fields.String(required=True)
    forum_id = fields.String(required=True)


class Seen:
    """The effect: one upsert an event."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._collection = work.database["seen"]

    def add(self, name: str, forum_id: str) -> None:
        """Keep it."""
        self._work.write(
            self._collection, UpdateOne({"_id": name}, {"$set": {"forum_id": forum_id}}, upsert=True)
        )


@handles("bench.happened.v1", reads=Read, service="bench")
def keep(event: Received, *, seen: Seen) -> None:
    """Keep it."""
    seen.add(event.data["name"], event.data["forum_id"])


def _stores(work: UnitOfWork, _: ServiceConfig) -> Mapping[str, object]:
    return {"seen": Seen(work)}


CONSUMES = ModuleType("consumes")
CONSUMES.keep = keep  # type: ignore[attr-defined] # a module made for this script
SERVICE = Service(
    name="bench",
    title="Bench.",
    config=ServiceConfig,
    create_app="none:none",
    consumes=CONSUMES,
    stores=_stores,
)


def _publish(place: Ground, topic: str) -> None:
    producer = kafka_clients.producer(place.config(), client_id="bench")
    for number in range(EVENTS):
        event = Happened.event(subject=f"s{number}", name=f"n{number}", forum_id="f", person_id="p")
        value, headers = encode(event, source="/b/bench", sequence=1)
        producer.send(topic, key=f"s{number}".encode(), value=value, headers=headers, partition=number % 6)
    producer.flush()
    producer.close()


def _bare(place: Ground, database: "Database[Document]", topic: str) -> float:
    consumer = kafka_clients.consumer(
        place.config(), group=f"{place.coalition}.bare", client_id="bare", max_poll_records=500
    )
    partitions = [TopicPartition(topic, number) for number in range(6)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    database["bare"].drop()
    handled, started = 0, 0.0
    while handled < BARE:
        for records in consumer.poll(timeout_ms=1000).values():
            started = started or time.perf_counter()
            for record in records:
                database["bare"].insert_one({"value": record.value})
                handled += 1
    rate = handled / (time.perf_counter() - started)
    consumer.close(autocommit=False)
    return rate


def _worker(place: Ground) -> float:
    context = place.context(SERVICE, name="bench")
    database = context.database
    for name in ("seen", "inbox", "positions"):
        database[name].delete_many({})
    worker = make_worker(context)
    thread = threading.Thread(target=worker.run, args=(context.stop,))
    thread.start()
    while (first := database["inbox"].estimated_document_count()) == 0:
        time.sleep(0.01)
    started = time.perf_counter()
    while database["inbox"].estimated_document_count() < EVENTS:
        time.sleep(0.05)
    rate = (EVENTS - first) / (time.perf_counter() - started)
    context.stop.set()
    thread.join()
    return rate


def main() -> None:
    """Print the figures."""
    with ground() as place:
        database = place.context(SERVICE, name="bench").database
        SERVICE.prepare(database, coalition=place.coalition, clock=SystemClock())
        topic = Topics(coalition=place.coalition).events("bench")
        place.topic(topic.removeprefix(f"{place.coalition}."))
        _publish(place, topic)
        figures: dict[str, list[float]] = {"one bare insert an event": [], "the inbox": []}
        for _ in range(ROUNDS):
            figures["one bare insert an event"].append(_bare(place, database, topic))
            figures["the inbox"].append(_worker(place))
        medians = {name: statistics.median(values) for name, values in figures.items()}
        for name, value in medians.items():
            print(f"{name}: {value:,.0f} events/s")
        print(f"ratio: {medians['the inbox'] / medians['one bare insert an event']:.1f}")


if __name__ == "__main__":
    main()
