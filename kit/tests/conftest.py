"""A tiny service that counts greetings, for the tests of the chassis."""

import threading
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from marshmallow import fields
from pymongo import UpdateOne
from pymongo.database import Database

from vetika_kit.clock import SystemClock
from vetika_kit.config import Mode, ServiceConfig
from vetika_kit.events import EventSchema, ReaderSchema, Received, publishes
from vetika_kit.handlers import handles
from vetika_kit.inbox import UnitOfWork
from vetika_kit.outbox import Aggregates
from vetika_kit.service import Context, Service
from vetika_kit.topics import Stream, Topics, create_topics

Document = dict[str, Any]


@publishes("greeting.said.v1", example={"name": "Sokha", "times": 1})
class GreetingSaid(EventSchema):
    """Somebody was greeted."""

    name = fields.String(required=True)
    times = fields.Integer(required=True)


class Greeted(ReaderSchema):
    """What the reader needs of it."""

    name = fields.String(required=True)


class Tallies:
    """How often each name was greeted, and in which order."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def add(self, name: str, event_id: str) -> None:
        """Count one greeting."""
        if name == "explode":
            raise RuntimeError("this name explodes")
        change = {"$inc": {"times": 1}, "$push": {"events": event_id}}
        self._work.write(self._work.database["tallies"], UpdateOne({"_id": name}, change, upsert=True))


@handles("greeting.said.v1", reads=Greeted, service="sample")
def count(event: Received, *, tallies: Tallies) -> None:
    """Count it."""
    tallies.add(event.data["name"], event.id)


def _stores(work: UnitOfWork, _: ServiceConfig) -> Mapping[str, object]:
    return {"tallies": Tallies(work)}


def _module(name: str, **members: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


SAMPLE = Service(
    name="sample",
    title="A sample.",
    config=ServiceConfig,
    create_app="nowhere:at_all",
    publishes=_module("publishes", GreetingSaid=GreetingSaid),
    consumes=_module("consumes", count=count),
    outboxes=("people",),
    stores=_stores,
)


@pytest.fixture
def greeting() -> type[EventSchema]:
    """The event that the sample publishes."""
    return GreetingSaid


@pytest.fixture
def config(coalition: str, mongodb_uri: str, kafka_bootstrap: str) -> ServiceConfig:
    """Settings of the sample, in the module's coalition."""
    return ServiceConfig(
        coalition=coalition,
        mode=Mode.EMBEDDED,
        mongodb_uri=mongodb_uri,
        kafka_bootstrap=(kafka_bootstrap,),
        jwks_file="none",
    )


@pytest.fixture(scope="module")
def topic(coalition: str, kafka_bootstrap: str) -> Iterator[str]:
    """The sample's events topic; removed after."""
    spec = Topics(coalition=coalition).spec("sample", Stream.EVENTS)
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    create_topics(admin, [spec])
    yield spec.name
    admin.delete_topics([spec.name])
    admin.close()


@pytest.fixture
def sample(
    config: ServiceConfig, topic: str, mongo_database: Callable[[str], Database[Document]]
) -> Iterator[Context]:
    """A context of the sample on an empty database; its stop flag is set after the test."""
    database = mongo_database("sample")
    for name in database.list_collection_names():
        database[name].delete_many({})
    clock = SystemClock()
    SAMPLE.prepare(database, coalition=config.coalition, clock=clock)
    context = Context(
        service=SAMPLE,
        config=config,
        database=database,
        clock=clock,
        stop=threading.Event(),
        name="sample-test",
    )
    yield context
    context.stop.set()


@pytest.fixture
def people(sample: Context) -> Aggregates:
    """The sample's aggregates."""
    return Aggregates(sample.database["people"], clock=sample.clock)


@pytest.fixture(scope="module")
def producer(kafka_bootstrap: str) -> Iterator[KafkaProducer]:
    """A raw producer, for events that a good service would never publish."""
    raw = KafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all")
    yield raw
    raw.close()


@pytest.fixture
def published(kafka_bootstrap: str, topic: str) -> Iterator[Callable[[], list[Any]]]:
    """`published()`: the records that came to the topic since the test began, so far."""
    reader = KafkaConsumer(
        bootstrap_servers=kafka_bootstrap, auto_offset_reset="latest", enable_auto_commit=False
    )
    partitions = [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic)]
    reader.assign(partitions)
    for partition, end in reader.end_offsets(partitions).items():
        reader.seek(partition, end)
    seen: list[Any] = []

    def look() -> list[Any]:
        for records in reader.poll(timeout_ms=200).values():
            seen.extend(records)
        return seen

    yield look
    reader.close()


@pytest.fixture
def running(sample: Context) -> Iterator[Callable[[Callable[[threading.Event], None]], threading.Thread]]:
    """`running(loop)`: run a relay's or worker's loop in a thread that ends with the test."""
    threads: list[threading.Thread] = []

    def start(loop: Callable[[threading.Event], None]) -> threading.Thread:
        thread = threading.Thread(target=loop, args=(sample.stop,), daemon=True)
        thread.start()
        threads.append(thread)
        return thread

    yield start
    sample.stop.set()
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive()
