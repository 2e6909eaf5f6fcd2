"""How a process reaches Kafka. Clients are made after a fork; a consumer belongs to one thread."""

from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from vetika_kit.config import KafkaConfig

DELIVERY_TIMEOUT: Final = 20_000  # milliseconds until an event that Kafka does not take counts as refused
# Milliseconds that a client that is made while Kafka is away tries to reach it: less than a supervisor waits
# for a process that was told to stop.
BOOTSTRAP_TIMEOUT: Final = 5_000


def connection_settings(config: KafkaConfig) -> dict[str, Any]:
    """Return the settings that every kind of client shares."""
    settings: dict[str, Any] = {
        "bootstrap_servers": list(config.kafka_bootstrap),
        "security_protocol": config.kafka_security_protocol,
        "allow_auto_create_topics": False,
        "reconnect_backoff_max_ms": 2_000,
        "metrics_enabled": False,
    }
    if config.kafka_ca_file:
        settings["ssl_cafile"] = config.kafka_ca_file
    if config.kafka_security_protocol.startswith("SASL"):
        settings |= {
            "sasl_mechanism": config.kafka_sasl_mechanism,
            "sasl_plain_username": config.kafka_username,
            "sasl_plain_password": config.kafka_password,
        }
    return settings


def producer(config: KafkaConfig, *, client_id: str) -> KafkaProducer:
    """Open a producer that loses nothing and keeps order: idempotent, acknowledged by all replicas."""
    return KafkaProducer(
        **connection_settings(config),
        client_id=client_id,
        bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT,
        enable_idempotence=True,
        acks="all",
        linger_ms=5,
        batch_size=256 * 1024,
        max_block_ms=5_000,
        request_timeout_ms=10_000,
        delivery_timeout_ms=DELIVERY_TIMEOUT,
    )


class SeekingConsumer(KafkaConsumer):  # type: ignore[misc] # kafka-python publishes no types
    """A consumer whose partitions are always sought before they are resumed.

    kafka-python 3.0 parks what it has fetched of a paused partition. When the partition is resumed, the
    parked records are only taken up while no other batch is in hand, and until then nothing more is
    fetched: beside busy partitions, one could rest for ever. What was sought again need not be kept.
    """

    def resume(self, *partitions: TopicPartition) -> None:
        """Resume partitions and drop what was parked of them."""
        super().resume(*partitions)
        for partition in partitions:
            self._fetcher._paused_partition_records.pop(partition, None)  # noqa: SLF001 - there is no public way
            self._fetcher._paused_completed_fetches.pop(partition, None)  # noqa: SLF001 - as above

    def topic_id(self, topic: str) -> str | None:
        """Return Kafka's own id of a topic, or None while it is not known."""
        found = self._cluster.topic_id(topic)
        return None if found is None else str(found)


def consumer(config: KafkaConfig, *, group: str, client_id: str, max_poll_records: int) -> SeekingConsumer:
    """Open a consumer whose position is the reader's own business.

    It never jumps: where the log no longer has what comes next, it raises instead of going on with a hole.
    """
    return SeekingConsumer(
        **connection_settings(config),
        client_id=client_id,
        bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_poll_records=max_poll_records,
        fetch_max_wait_ms=500,
        session_timeout_ms=15_000,
        heartbeat_interval_ms=3_000,
        max_poll_interval_ms=300_000,
    )


def admin(config: KafkaConfig, *, client_id: str, bootstrap_seconds: float = 30.0) -> KafkaAdminClient:
    """Open an admin client.

    Args:
        config: How Kafka is reached.
        client_id: Who asks, for the broker's logs.
        bootstrap_seconds: How long a broker that does not answer is waited for.
    """
    settings = connection_settings(config)
    for of_other_clients in ("allow_auto_create_topics", "metrics_enabled"):
        del settings[of_other_clients]
    return KafkaAdminClient(
        **settings, client_id=client_id, bootstrap_timeout_ms=int(bootstrap_seconds * 1000)
    )
