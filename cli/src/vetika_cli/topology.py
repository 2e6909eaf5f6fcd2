"""The topics that the services declare."""

from importlib import import_module

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from vetika_cli.errors import UserError
from vetika_cli.installation import SERVICES
from vetika_cli.ports import listens
from vetika_kit.events import published_by
from vetika_kit.topics import Topics, TopicSpec, create_topics


def declared_topics(coalition: str) -> list[TopicSpec]:
    """The topics of one coalition: one for each stream that a service publishes on."""
    names = Topics(coalition=coalition)
    return [
        names.spec(service, stream)
        for service in SERVICES
        for stream in sorted(
            {schema.stream for schema in published_by(import_module(f"{service}.publishes")).values()}
        )
    ]


def create_missing_topics(*, bootstrap: str, coalition: str) -> list[str]:
    """Create the topics that are missing and return their names; UserError when Kafka does not answer."""
    require_kafka(bootstrap)
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","), bootstrap_timeout_ms=10_000)
        try:
            return create_topics(admin, declared_topics(coalition))
        finally:
            admin.close()
    except KafkaError as error:
        raise UserError(f"Kafka at {bootstrap} does not create topics ({error}).") from error


def require_kafka(bootstrap: str) -> None:
    """UserError when no address of `host:port,host:port` takes a connection (clients would wait long)."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if port.isdigit() and listens(int(port), host=host):
            return
    raise UserError(f"Kafka at {bootstrap} does not answer: `./vetika up` starts the embedded one.")
