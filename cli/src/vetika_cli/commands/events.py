"""`vetika events`: what a partner would see."""

import argparse
import json
import re
from collections.abc import Iterable

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from vetika_cli.errors import UserError
from vetika_cli.installation import Installation
from vetika_cli.topology import require_kafka

POLL_MS = 500


def events(arguments: argparse.Namespace) -> int:
    """Print the events of all services as JSON lines, in the order of their time as far as they are read."""
    installation = Installation.current()
    visible = re.compile(rf"{re.escape(installation.coalition)}\.[a-z]+\.events\.v1")
    require_kafka(installation.kafka_bootstrap)
    consumer = KafkaConsumer(
        bootstrap_servers=installation.kafka_bootstrap.split(","), group_id=None, enable_auto_commit=False
    )
    try:
        _show(consumer, [topic for topic in consumer.topics() if visible.fullmatch(topic)], arguments)
    finally:
        consumer.close()
    return 0


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
