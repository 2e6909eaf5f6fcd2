"""What the benchmarks stand on: the real servers, figures in one run, a ratio beside the raw limit."""

import os
import secrets
import statistics
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import KafkaAdminClient
from pymongo import MongoClient

from vetika_kit.clock import SystemClock
from vetika_kit.config import Mode, ServiceConfig
from vetika_kit.mongo import Document, service_database
from vetika_kit.service import Context, Service
from vetika_kit.topics import TopicSpec, create_topics


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Addresses of the servers, and a coalition that nobody else has."""

    mongodb_uri: str
    kafka_bootstrap: str
    coalition: str

    def config(self) -> ServiceConfig:
        """Settings for the kit alone."""
        return ServiceConfig(
            coalition=self.coalition,
            mode=Mode.EMBEDDED,
            mongodb_uri=self.mongodb_uri,
            kafka_bootstrap=(self.kafka_bootstrap,),
            jwks_file="none",
        )

    def context(self, service: Service, *, name: str) -> Context:
        """Put together what a process of a service stands on."""
        client: MongoClient[Document] = MongoClient(
            self.mongodb_uri, tz_aware=True, w="majority", journal=True
        )
        return Context(
            service=service,
            config=self.config(),
            database=service_database(client, coalition=self.coalition, service=service.name),
            clock=SystemClock(),
            stop=threading.Event(),
            name=name,
        )

    def topic(self, name: str, *, partitions: int = 6) -> str:
        """Make a topic."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka_bootstrap)
        full = f"{self.coalition}.{name}"
        create_topics(admin, [TopicSpec(name=full, partitions=partitions)])
        admin.close()
        return full


@contextmanager
def ground() -> Iterator[Ground]:
    """Use the servers that the environment names, or start embedded ones; leave nothing behind."""
    with ExitStack() as stack:
        uri = os.environ.get("VETIKA_TEST_MONGODB_URI")
        bootstrap = os.environ.get("VETIKA_TEST_KAFKA_BOOTSTRAP")
        if not uri or not bootstrap:
            from vetika_cli.embedded import KafkaServer, MongoServer  # noqa: PLC0415 - only where none are given

            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vetika-bench-")))
            uri = uri or stack.enter_context(MongoServer(folder / "mongod")).uri
            bootstrap = bootstrap or stack.enter_context(KafkaServer(folder / "kafka")).bootstrap
        coalition = f"b{secrets.token_hex(4)}"
        yield Ground(mongodb_uri=uri, kafka_bootstrap=bootstrap, coalition=coalition)
        with MongoClient(uri) as client:
            for name in client.list_database_names():
                if name.startswith(f"{coalition}_"):
                    client.drop_database(name)
        admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        admin.delete_topics([name for name in admin.list_topics() if name.startswith(f"{coalition}.")])
        admin.close()


def percentile(seconds: Sequence[float], share: float) -> float:
    """Return the value that this share of the samples does not exceed, in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def median(seconds: Sequence[float]) -> float:
    """Return the median in milliseconds."""
    return statistics.median(seconds) * 1000
