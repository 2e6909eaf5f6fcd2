"""The embedded Kafka and mongod: started, killed, started again on the same data."""

import os

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from pymongo import MongoClient

from vetika_cli.embedded import KafkaServer, MongoServer, NotReadyError, free_port
from vetika_cli.ports import is_taken


def test_mongod_keeps_acknowledged_writes_over_a_kill_and_a_move_to_another_port(tmp_path):
    """What was written with majority and journal is there after SIGKILL and after a restart elsewhere."""
    server = MongoServer(tmp_path).start()
    with MongoClient(server.uri, w="majority", journal=True) as client, client.start_session() as session:
        # A transaction: the replica set is more than a name.
        session.with_transaction(lambda s: client.forum.seats.insert_one({"_id": 1}, session=s))
    old = server.pid
    server.kill()
    with server.start(), MongoClient(server.uri) as client:
        assert server.pid != old
        assert client.forum.seats.find_one() == {"_id": 1}
    server.port = free_port()
    with server, MongoClient(server.uri, w="majority") as client:
        client.forum.seats.insert_one({"_id": 2})
        assert client.forum.seats.count_documents({}) == 2


def test_kafka_keeps_acknowledged_records_over_a_kill(tmp_path):
    """Records acknowledged by all replicas are read again after SIGKILL and restart."""
    server = KafkaServer(tmp_path).start()
    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
    admin.create_topics([NewTopic("forum", num_partitions=1, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=server.bootstrap, acks="all", enable_idempotence=True)
    producer.send("forum", b"seat").get(timeout=20)
    producer.close()
    server.kill()
    with server.start():
        consumer = KafkaConsumer(bootstrap_servers=server.bootstrap, consumer_timeout_ms=20_000)
        consumer.assign([TopicPartition("forum", 0)])
        consumer.seek_to_beginning()
        record = next(consumer)
        consumer.close()
        assert record.value == b"seat"


def test_a_taken_port_is_an_error_and_not_mistaken_for_a_ready_server(tmp_path):
    """A second server on the port of a running one says so and starts no process."""
    with MongoServer(tmp_path / "first") as first:
        second = MongoServer(tmp_path / "second", port=first.port)
        with pytest.raises(NotReadyError, match=f"another program uses port {first.port}"):
            second.start()
        assert not second.running


def test_a_server_that_cannot_start_says_why_in_its_own_words(tmp_path):
    """The error quotes the end of the server's log."""
    server = MongoServer(tmp_path)
    server.prepare()
    (tmp_path / "data" / "WiredTiger.wt").write_bytes(b"not a database")
    (tmp_path / "data" / "storage.bson").write_bytes(b"broken")
    with pytest.raises(NotReadyError, match=r"mongod ended with status [\s\S]*the end of"):
        server.start()
    assert not server.running


def test_stopping_frees_the_port(tmp_path):
    """After the block the process is gone and its port can be bound."""
    with MongoServer(tmp_path) as server:
        pid = server.pid
        assert is_taken(server.port)
    assert not is_taken(server.port)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
