"""Fixtures of all tests: the real MongoDB and Kafka, a coalition of its own per module, a settable clock.

The servers are found in this order, once a run:

1. addresses given: VETIKA_TEST_MONGODB_URI / VETIKA_TEST_KAFKA_BOOTSTRAP, or the same without `TEST_`;
2. Docker through testcontainers, when VETIKA_TEST_DOCKER=1 or an engine answers that has the images
   (so that a run never hangs on a pull that nobody asked for);
3. the embedded ones of `vetika_cli.embedded`, in a folder that goes with the run.
"""

import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient
from pymongo.database import Database

T = TypeVar("T")

MONGO_IMAGE = "mongo:8.0"
KAFKA_IMAGE = "apache/kafka:4.1.1"
POLL = 0.02  # seconds between two looks of `eventually`


def pytest_configure() -> None:
    """End a run that is told to end (SIGTERM) as Ctrl-C ends it: servers and processes go with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _given(name: str) -> str | None:
    return os.environ.get(f"VETIKA_TEST_{name}") or os.environ.get(f"VETIKA_{name}")


def _docker_has(image: str) -> bool:
    """Whether the tests may use Docker for `image` (see the order above)."""
    if os.environ.get("VETIKA_TEST_DOCKER") == "0":
        return False
    if not _docker_listens():
        return False
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415 - publishes no types; rarely needed
    from docker.errors import DockerException  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        client = docker.from_env(timeout=5)
        try:
            client.images.get(image)
        finally:
            client.close()
    except DockerException:
        return os.environ.get("VETIKA_TEST_DOCKER") == "1"
    return True


def _docker_listens() -> bool:
    """Whether somebody listens where Docker's clients would call; asked first because it costs nothing."""
    address = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    unix = address.scheme == "unix"
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
        probe.settimeout(2)
        try:
            probe.connect(address.path if unix else (address.hostname, address.port or 2375))
        except OSError:
            return False
    return True


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a MongoDB replica set of the run."""
    if given := _given("MONGODB_URI"):
        yield given
    elif _docker_has(MONGO_IMAGE):
        yield from _mongodb_in_docker()
    else:
        from vetika_cli.embedded import MongoServer  # noqa: PLC0415 - not needed where servers are given

        with MongoServer(tmp_path_factory.mktemp("mongod")) as server:
            yield server.uri


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the run's Kafka, `host:port`; topics must be created, none appears by itself."""
    if given := _given("KAFKA_BOOTSTRAP"):
        yield given
    elif _docker_has(KAFKA_IMAGE):
        yield from _kafka_in_docker()
    else:
        from vetika_cli.embedded import KafkaServer  # noqa: PLC0415 - not needed where servers are given

        with KafkaServer(tmp_path_factory.mktemp("kafka")) as server:
            yield server.bootstrap


def _container(image: str) -> Any:
    """A container that ends with the run, on this machine's loopback interface.

    testcontainers' reaper ends what a killed run left behind; without its image it is done without.
    """
    from testcontainers.core.config import ConnectionMode, testcontainers_config  # noqa: PLC0415
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    testcontainers_config.ryuk_disabled = not _docker_has(testcontainers_config.ryuk_image)
    testcontainers_config.connection_mode_override = ConnectionMode.docker_host
    return DockerContainer(image)


def _mongodb_in_docker() -> Iterator[str]:
    container = _container(MONGO_IMAGE).with_exposed_ports(27017)
    container.with_command("mongod --replSet rs0 --bind_ip_all")
    with container:
        host, port = container.get_container_host_ip(), container.get_exposed_port(27017)
        uri = f"mongodb://{host}:{port}/?directConnection=true"
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=60_000) as client:
            member = {"_id": 0, "host": "127.0.0.1:27017"}
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
            _eventually(lambda: client.admin.command("hello").get("isWritablePrimary"), seconds=60)
        yield uri


def _kafka_in_docker() -> Iterator[str]:
    from kafka import KafkaAdminClient  # noqa: PLC0415
    from kafka.errors import KafkaError  # noqa: PLC0415

    from vetika_cli.embedded import free_port  # noqa: PLC0415

    # Clients are told the address to come back to, so the outer port must be known before the start.
    port = free_port()
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
    container = _container(KAFKA_IMAGE).with_bind_ports(9092, port)
    for name, value in settings.items():
        container.with_env(name, value)

    def answers() -> bool:
        try:
            admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", bootstrap_timeout_ms=1000)
        except KafkaError:
            return False
        admin.close()
        return True

    with container:
        _eventually(answers, seconds=60)
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def coalition(mongodb_uri: str) -> Iterator[str]:
    """A short name that no other module has: databases `{coalition}_{service}` and topics are fresh.

    The databases are dropped when the module is done.
    """
    name = f"t{secrets.token_hex(4)}"
    yield name
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        for database in client.list_database_names():
            if database.startswith(f"{name}_"):
                client.drop_database(database)


@pytest.fixture(scope="module")
def mongo_client(mongodb_uri: str) -> Iterator[MongoClient[dict[str, Any]]]:
    """A client as the services make theirs: aware times, majority and journal."""
    with MongoClient[dict[str, Any]](mongodb_uri, tz_aware=True, w="majority", journal=True) as client:
        yield client


@pytest.fixture(scope="module")
def mongo_database(
    mongo_client: MongoClient[dict[str, Any]], coalition: str
) -> Callable[[str], Database[dict[str, Any]]]:
    """`mongo_database(service)`: that service's database in the module's coalition."""
    return lambda service: mongo_client[f"{coalition}_{service}"]


class SettableClock:
    """A clock that stands until it is moved; starts at the real time, counts in MongoDB's milliseconds."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        """The time that was set, aware UTC, truncated to milliseconds."""
        return self._now.replace(microsecond=self._now.microsecond // 1000 * 1000)

    def set(self, now: datetime) -> None:
        """Move to `now` (aware)."""
        self._now = now.astimezone(UTC)

    def advance(self, by: timedelta | None = None, /, **parts: float) -> None:
        """Move on by a timedelta, or by its parts: `clock.advance(minutes=5)`."""
        self._now += timedelta(**parts) if by is None else by


@pytest.fixture
def clock() -> SettableClock:
    """A settable clock, at the real time."""
    return SettableClock()


def _eventually(predicate: Callable[[], T], *, seconds: float = 10) -> T:
    deadline = time.monotonic() + seconds
    while not (result := predicate()):
        if time.monotonic() > deadline:
            pytest.fail(f"did not become true within {seconds} s; last value: {result!r}")
        time.sleep(POLL)
    return result


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """`eventually(predicate, seconds=10)` waits for a true value and returns it, or fails the test.

    An exception of the predicate is the test's failure at once; a predicate that may raise catches it.
    """
    return _eventually


@pytest.fixture(scope="module")
def under_test(
    coalition: str, mongodb_uri: str, kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Any]]:
    """`under_test(SERVICE, clock=…)`: that service on the real servers (`vetika_kit.testing`)."""
    from vetika_kit.testing import ServiceUnderTest  # noqa: PLC0415 - brings Flask

    made: list[ServiceUnderTest] = []

    def make(service: Any, **options: Any) -> ServiceUnderTest:
        folder = tmp_path_factory.mktemp(service.name)
        made.append(
            ServiceUnderTest(
                service,
                coalition=coalition,
                mongodb_uri=mongodb_uri,
                kafka_bootstrap=kafka_bootstrap,
                folder=folder,
                **options,
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()
