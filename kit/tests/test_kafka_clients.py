"""The clients as the kit opens them, against the real Kafka."""

from kafka import TopicPartition

from vetika_kit import kafka_clients


def test_a_partition_that_rested_is_read_on_beside_another(sample, topic, producer, eventually):
    """What the client had fetched of it in advance does not keep it from ever being fetched again."""
    resting, other = TopicPartition(topic, 0), TopicPartition(topic, 1)
    ends = {}
    for partition in (resting, other):
        first = producer.send(topic, b"1", partition=partition.partition).get(timeout=10)
        for value in (b"2", b"3"):
            producer.send(topic, value, partition=partition.partition).get(timeout=10)
        ends[partition] = first.offset
    consumer = kafka_clients.consumer(
        sample.config, group=f"{topic}-resting", client_id="test", max_poll_records=1
    )
    consumer.assign([resting, other])
    for partition, offset in ends.items():
        consumer.seek(partition, offset)
    read = {resting: [], other: []}

    def goes_on(partition):
        for found, records in consumer.poll(timeout_ms=100).items():
            read[found].extend(record.value for record in records)
        return read[partition]

    try:
        eventually(lambda: goes_on(resting))
        consumer.pause(resting)
        consumer.seek(resting, ends[resting])
        read[resting].clear()
        eventually(lambda: len(goes_on(other)) == 3)
        assert read[resting] == []
        consumer.resume(resting)
        eventually(lambda: goes_on(resting) == [b"1", b"2", b"3"])
    finally:
        consumer.close()
