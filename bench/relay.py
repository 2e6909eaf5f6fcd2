"""Relay: events a second from the outbox to Kafka, beside a raw producer of the same settings and size.

The rounds of raw producer, one relay and two relays alternate in one run; the medians are compared.
"""

import statistics
import subprocess
import sys
import time

from _ground import Ground, ground
from marshmallow import fields
from pymongo.database import Database

from vetika_kit import kafka_clients
from vetika_kit.clock import SystemClock
from vetika_kit.cloudevents import encode
from vetika_kit.config import ServiceConfig
from vetika_kit.events import EventSchema, publishes
from vetika_kit.outbox import Aggregates
from vetika_kit.processes import make_relay
from vetika_kit.service import Service

EVENTS = 12_000
ROUNDS = 5
DATA = {
    "registration_id": "0192f3a4-0000-7000-8000-000000000000",
    "forum_id": "0192f3a4-0000-7000-8000-000000000001",
    "person_id": "0192f3a4-0000-7000-8000-000000000002",
    "reference": "DG-7K3M9Q",
    "stakeholder_category": "local_government",
    "gender": "female",
    "language": "km",
    "role": "participant",
}


@publishes("bench.happened.v1", example=DATA)
class Happened(EventSchema):
    """As large as a confirmed registration."""

    registration_id = fields.String(required=True)
    forum_id = fields.String(required=True)
    person_id = fields.String(required=True)
    reference = fields.String(required=True)
    stakeholder_category = fields.String(required=True)
    gender = fields.String(required=True)
    language = fields.String(required=True)
    role = fields.String(required=True)


SERVICE = Service(
    name="bench", title="Bench.", config=ServiceConfig, create_app="none:none", outboxes=("happenings",)
)


def _raw(place: Ground, topic: str) -> float:
    producer = kafka_clients.producer(place.config(), client_id="raw")
    records = [
        encode(Happened.event(subject=f"s{number}", **DATA), source="/b/bench", sequence=1)
        for number in range(EVENTS)
    ]
    started = time.perf_counter()
    futures = [
        producer.send(topic, key=f"s{number}".encode(), value=value, headers=headers)
        for number, (value, headers) in enumerate(records)
    ]
    for future in futures:
        future.get(timeout=60)
    elapsed = time.perf_counter() - started
    producer.close()
    return EVENTS / elapsed


def _fill(database: "Database[dict[str, object]]") -> None:
    happenings = Aggregates(database["happenings"], clock=SystemClock())
    database["happenings"].delete_many({})
    for start in range(0, EVENTS, 1000):
        happenings.insert_many(
            [
                ({"_id": f"s{number}"}, [Happened.event(subject=f"s{number}", **DATA)])
                for number in range(start, start + 1000)
            ]
        )


def _relays(place: Ground, how_many: int) -> float:
    """Measure from the first published event to the last acknowledged one: start-up is not counted."""
    context = place.context(SERVICE, name="filler")
    _fill(context.database)
    waiting = {"outbox.since": {"$exists": True}}
    relays = [
        subprocess.Popen(
            [sys.executable, __file__, "relay", place.mongodb_uri, place.kafka_bootstrap, place.coalition]
        )
        for _ in range(how_many)
    ]
    happenings = context.database["happenings"]
    # Looked at seldom and cheaply: the database's time is what is measured.
    while (left := happenings.count_documents(waiting)) == EVENTS:
        time.sleep(0.02)
    started, first = time.perf_counter(), left
    while happenings.find_one(waiting, {"_id": True}, hint="outbox_waiting"):
        time.sleep(0.02)
    rate = first / (time.perf_counter() - started)
    for relay in relays:
        relay.terminate()
        relay.wait(timeout=20)
    return rate


def _be_a_relay(mongodb_uri: str, kafka_bootstrap: str, coalition: str) -> None:
    import signal  # noqa: PLC0415 - the child alone needs it

    place = Ground(mongodb_uri=mongodb_uri, kafka_bootstrap=kafka_bootstrap, coalition=coalition)
    context = place.context(SERVICE, name="bench-relay")
    signal.signal(signal.SIGTERM, lambda *_: context.stop.set())
    make_relay(context).run(context.stop)


def main() -> None:
    """Print the figures."""
    with ground() as place:
        topic = place.topic("bench.events.v1")
        context = place.context(SERVICE, name="preparation")
        SERVICE.prepare(context.database, coalition=place.coalition, clock=context.clock)
        figures: dict[str, list[float]] = {"raw producer": [], "one relay": [], "two relays": []}
        for _ in range(ROUNDS):
            figures["raw producer"].append(_raw(place, topic))
            figures["one relay"].append(_relays(place, 1))
            figures["two relays"].append(_relays(place, 2))
        medians = {name: statistics.median(values) for name, values in figures.items()}
        for name, value in medians.items():
            print(f"{name}: {value:,.0f} events/s")
        print(f"ratio one relay / raw producer: {medians['one relay'] / medians['raw producer']:.2f}")
        print(f"ratio two relays / one relay: {medians['two relays'] / medians['one relay']:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["relay"]:
        _be_a_relay(*sys.argv[2:])
    else:
        main()
