"""A platform of the drills' own, which may be destroyed, and what is compared before and after."""

from collections.abc import Callable
from importlib import import_module

import pytest
from kafka import KafkaConsumer, TopicPartition
from pymongo import MongoClient

from drills.desk import ALL, Drill
from vetika_cli.platform import Platform
from vetika_kit.backup.topics import heard_topics

QUICK = {
    "VETIKA_HOLD_LIMIT": "1",
    "VETIKA_RETRY_FIRST": "0.5",
    "VETIKA_ERASURE_REPEAT": "1",
}


@pytest.fixture(scope="session")
def drilled(tmp_path_factory, mongodb_uri, kafka_bootstrap, clear):
    """The platform that is drilled: whatever a test destroys it brings back."""
    folder = tmp_path_factory.mktemp("drilled")
    with Platform(
        folder, mongodb_uri=mongodb_uri, kafka_bootstrap=kafka_bootstrap, environment=QUICK
    ) as platform:
        platform.start()
        yield platform
    clear(platform)


@pytest.fixture
def drill(drilled, tmp_path) -> Drill:
    """The operator of the drilled platform, who keeps backups in a folder of this test."""
    return Drill(platform=drilled, folder=tmp_path)


@pytest.fixture(scope="session")
def scene(drilled, looking_at):
    """Those who look at the drilled platform."""
    with looking_at(drilled) as outside:
        yield outside


@pytest.fixture(scope="session")
def quiet(eventually) -> Callable[..., None]:
    """`quiet(drill)`: wait until everything that was said has been heard, and everybody told."""

    def waited(drill: Drill, services=ALL) -> None:
        with MongoClient(drill.platform.installation.mongodb_uri) as client:
            eventually(lambda: not any(_waits(client, drill, service) for service in services), seconds=45)

    return waited


def _waits(client, drill: Drill, service: str) -> bool:
    """Whether something of a service is under way."""
    database = client[drill.database(service)]
    shown = drill.platform.caller("operator").get(service, "/admin/outbox")
    if any(outbox["documents"] for outbox in shown["waiting"]):
        return True
    if database["admissions"].find_one({"holds.kind": {"$ne": "admission"}, "holds.0": {"$exists": True}}):
        return True
    if database["deliveries"].find_one({"state": {"$in": ["awaiting_contact", "queued", "sending"]}}):
        return True
    if database["deliveries"].find_one({"channel": "sms", "state": "sent"}):
        return True
    return _lags(drill, service)


def _lags(drill: Drill, service: str) -> bool:
    """Whether the service has not handled all that stands on the topics that it reads."""
    shown = drill.platform.caller("operator").get(service, "/admin/consumers")["positions"]
    at = {TopicPartition(one["topic"], one["partition"]): one["offset"] for one in shown}
    installation = drill.platform.installation
    consumer = KafkaConsumer(bootstrap_servers=installation.kafka_bootstrap, enable_auto_commit=False)
    try:
        partitions = [
            TopicPartition(topic, number)
            for topic in heard_topics(
                import_module(f"{service}.service").SERVICE, coalition=installation.coalition
            )
            for number in consumer.partitions_for_topic(topic)
        ]
        begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    finally:
        consumer.close()
    return any(max(at.get(partition, 0), begins[partition]) < end for partition, end in ends.items())
