"""`vetika events`: what a partner would see."""

import argparse
import json
import re
import sys
from collections.abc import Collection, Iterable

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from vetika_cli.errors import UserError
from vetika_cli.installation import Installation
from vetika_cli.topology import BOOTSTRAP_SECONDS, declared_topics, kafka_access, require_kafka
from vetika_kit import kafka_clients
from vetika_kit.config import KafkaConfig

POLL_MS = 500


def events(arguments: argparse.Namespace) -> int:
    """Print the events of all services as JSON lines, in the order of their time as far as they are read.

    Where Kafka knows rights, only what VETIKA_KAFKA_USERNAME may read is there; what is not is said.
    """
    access = kafka_access(Installation.current())
    visible = re.compile(rf"{re.escape(access.coalition)}\.[a-z]+\.events\.v1")
    consumer = _consumer(access)
    try:
        topics = sorted(topic for topic in consumer.topics() if visible.fullmatch(topic))
        _tell_what_is_hidden(topics, access)
        _show(consumer, topics, arguments)
    finally:
        consumer.close()
    return 0


def _consumer(access: KafkaConfig) -> KafkaConsumer:
    addresses = ",".join(access.kafka_bootstrap)
    require_kafka(addresses)
    settings = kafka_clients.connection_settings(access)
    try:
        return KafkaConsumer(
            **settings,
            group_id=None,
            enable_auto_commit=False,
            bootstrap_timeout_ms=int(BOOTSTRAP_SECONDS * 1000),
        )
    except KafkaError as error:
        raise UserError(
            f"Kafka at {addresses} does not let us in ({error}): so it is when VETIKA_KAFKA_USERNAME,"
            " its password or VETIKA_KAFKA_CA_FILE is wrong."
        ) from error


def _tell_what_is_hidden(topics: Collection[str], access: KafkaConfig) -> None:
    """Say which topics are missing: a consumer that may not read one would only stay silent."""
    wanted = {spec.name for spec in declared_topics(access.coalition) if not spec.compacted}
    hidden = sorted(wanted - set(topics))
    if hidden and topics:
        who = f"{access.kafka_username} may not read them" if access.kafka_username else "nobody made them"
        print(
            f"vetika: not shown, because they are not there or {who}: {', '.join(hidden)}.", file=sys.stderr
        )
    elif hidden and access.kafka_username:
        raise UserError(f"There are no events topics, or {access.kafka_username} may not read any of them.")


def _show(consumer: KafkaConsumer, topics: Iterable[str], arguments: argparse.Namespace) -> None:
    partitions = [
        TopicPartition(topic, number) for topic in topics for number in consumer.partitions_for_topic(topic)
    ]
    if not partitions:
        raise UserError("There are no events topics yet: `./vetika topics` creates them.")
    consumer.assign(partitions)
    begin, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    for partition in partitions:
        last = begin[partition] if arguments.from_start else end[partition] - arguments.last
        consumer.seek(partition, max(begin[partition], last))
    backlog: list[ConsumerRecord] = []
    while any(consumer.position(partition) < end[partition] for partition in partitions):
        batch = [record for records in consumer.poll(POLL_MS).values() for record in records]
        if arguments.from_start:
            _print(batch)
        else:
            # The last N of all partitions together are among the last N of each.
            backlog.extend(batch)
    _print(backlog, last=arguments.last)
    while arguments.follow:
        _print(record for records in consumer.poll(POLL_MS).values() for record in records)


def _print(records: Iterable[ConsumerRecord], *, last: int | None = None) -> None:
    in_order = sorted(records, key=lambda record: record.timestamp)
    for record in in_order if last is None else in_order[max(len(in_order) - last, 0) :]:
        if record.value is not None:
            print(json.dumps(json.loads(record.value), ensure_ascii=False), flush=True)
