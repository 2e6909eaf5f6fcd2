"""The coalition's topics: as the contracts say they are to be, and as Kafka has them."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

import yaml
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from vetika_cli.errors import UserError
from vetika_cli.installation import Installation
from vetika_cli.places import checkout
from vetika_cli.ports import listens
from vetika_kit import kafka_clients
from vetika_kit.config import ConfigurationError, KafkaConfig, load
from vetika_kit.topics import TopicSpec, create_topics

BOOTSTRAP_SECONDS: Final = 10.0


def declared_topics(coalition: str) -> list[TopicSpec]:
    """The topics of one coalition, as the published contracts (`contracts/topics.yaml`) have them."""
    overview = yaml.safe_load((checkout() / "contracts" / "topics.yaml").read_text("utf-8"))
    return [
        TopicSpec(
            name=name.format(coalition=coalition),
            partitions=topic["partitions"],
            retention=None if topic["retention_days"] is None else timedelta(days=topic["retention_days"]),
            compacted=topic["compacted"],
        )
        for name, topic in overview["topics"].items()
    ]


def kafka_access(installation: Installation) -> KafkaConfig:
    """How Kafka is reached: the installation's address, and what VETIKA_KAFKA_… says of rights.

    UserError when a setting is wrong.
    """
    given = {
        **os.environ,
        "VETIKA_KAFKA_BOOTSTRAP": installation.kafka_bootstrap,
        "VETIKA_COALITION": installation.coalition,
    }
    try:
        return load(KafkaConfig, given)
    except ConfigurationError as error:
        raise UserError(f"{error}.") from error


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """What came of bringing the topics to what the contracts say."""

    made: tuple[str, ...]  # topics that were missing
    changed: tuple[str, ...]  # a sentence for each whose settings were others
    left: tuple[str, ...]  # a sentence for each that only people can mend


def align_topics(access: KafkaConfig, *, replication: int = 1) -> Alignment:
    """Make the topics that are missing, and give all of them the contracts' settings; again changes nothing.

    Partitions are never added: events of one key would go to another one, and lose their order.
    UserError when Kafka does not answer or does not allow it.
    """

    def work(admin: KafkaAdminClient) -> Alignment:
        specs = declared_topics(access.coalition)
        made = create_topics(admin, specs, replication=replication)
        differing = _differing(admin, [spec for spec in specs if spec.name not in made])
        if differing:
            resources = [
                ConfigResource(ConfigResourceType.TOPIC, name, settings)
                for name, settings in differing.items()
            ]
            admin.alter_configs(resources, incremental=True)
        changed = [
            f"{name}: {', '.join(f'{one}={new}' for one, new in settings.items())}"
            for name, settings in differing.items()
        ]
        return Alignment(made=tuple(made), changed=tuple(changed), left=tuple(_otherwise_split(admin, specs)))

    return _with_admin(access, work)


def _differing(admin: KafkaAdminClient, specs: Sequence[TopicSpec]) -> dict[str, dict[str, str]]:
    """Return the settings that topics lack or have otherwise, by topic."""
    if not specs:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, spec.name, list(spec.settings())) for spec in specs]
    found = admin.describe_configs(asked, config_filter="all")["topic"]
    differing = {
        spec.name: {
            name: value
            for name, value in spec.settings().items()
            if found[spec.name].get(name, {}).get("value") != value
        }
        for spec in specs
    }
    return {name: settings for name, settings in differing.items() if settings}


def _otherwise_split(admin: KafkaAdminClient, specs: Sequence[TopicSpec]) -> Iterator[str]:
    present = {
        topic["name"]: topic["partitions"] for topic in admin.describe_topics([one.name for one in specs])
    }
    for spec in specs:
        if (partitions := len(present[spec.name])) != spec.partitions:
            yield (
                f"{spec.name} has {partitions} partitions, and the contracts say {spec.partitions}: "
                "a topic cannot be split anew without losing the order of its events, so it stays."
            )


ResultT = TypeVar("ResultT")


def _with_admin(access: KafkaConfig, work: Callable[[KafkaAdminClient], ResultT]) -> ResultT:
    addresses = ",".join(access.kafka_bootstrap)
    require_kafka(addresses)
    try:
        admin = kafka_clients.admin(access, client_id="vetika-topics", bootstrap_seconds=BOOTSTRAP_SECONDS)
        try:
            return work(admin)
        finally:
            admin.close()
    except KafkaError as error:
        raise UserError(f"Kafka at {addresses} does not let its topics be looked after ({error}).") from error


def require_kafka(bootstrap: str) -> None:
    """UserError when no address of `host:port,host:port` takes a connection (clients would wait long)."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if port.isdigit() and listens(int(port), host=host):
            return
    raise UserError(f"Kafka at {bootstrap} does not answer: `./vetika up` starts the embedded one.")
