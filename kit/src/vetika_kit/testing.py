"""A service on the real servers, for its tests: the API as a client, relay and worker in threads.

Not used by anything that runs. The tests of every service stand on it, so that a service author
writes what must hold and not how to get there.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from json import dumps, loads
from pathlib import Path
from typing import Any, Final

from flask import Flask
from flask.testing import FlaskClient
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from pymongo.database import Database

from vetika_kit.clock import Clock, SystemClock
from vetika_kit.cloudevents import encode
from vetika_kit.config import load
from vetika_kit.events import Event, published_by
from vetika_kit.http.principals import Role
from vetika_kit.http.tokens import issue, new_private_key, public_key_set
from vetika_kit.ids import new_id
from vetika_kit.mongo import Document
from vetika_kit.processes import make_relay, make_worker
from vetika_kit.service import Context, Service
from vetika_kit.topics import Stream, Topics, create_topics

_PATIENCE: Final = 20.0  # seconds until a loop that was told to stop counts as stuck


class ServiceUnderTest:
    """One service in one coalition of its own."""

    def __init__(
        self,
        service: Service,
        *,
        coalition: str,
        mongodb_uri: str,
        kafka_bootstrap: str,
        folder: Path,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Read the settings and make the indexes.

        Args:
            service: Which.
            coalition: Prefixes everything it touches.
            mongodb_uri: A replica set.
            kafka_bootstrap: ``host:port``.
            folder: For the public keys.
            clock: The time of the API and of the periodic jobs; the machine's when left out.
            environ: Further settings.
        """
        self.service = service
        self.clock = clock or SystemClock()
        self._key = new_private_key(kid="embedded-test")
        keys = folder / "jwks.json"
        keys.write_text(dumps(public_key_set(self._key)), encoding="utf-8")
        self.environ = {
            "VETIKA_COALITION": coalition,
            "VETIKA_MODE": "embedded",
            "VETIKA_MONGODB_URI": mongodb_uri,
            "VETIKA_KAFKA_BOOTSTRAP": kafka_bootstrap,
            "VETIKA_JWKS_FILE": str(keys),
            **(environ or {}),
        }
        self.config = load(service.config, self.environ)
        self.database: Database[Document] = service.database(self.config)
        self.topics = Topics(coalition=coalition)
        self._bootstrap = kafka_bootstrap
        self._app: Flask | None = None
        service.prepare(self.database, coalition=coalition, clock=self.clock)

    @property
    def app(self) -> Flask:
        """The API."""
        if self._app is None:
            self._app = self.service.app(self.config, database=self.database, clock=self.clock)
        return self._app

    def token(self, *roles: Role, organization_id: str | None = None, subject: str = "tester") -> str:
        """Sign a token that the service accepts."""
        return issue(
            key=self._key,
            subject=subject,
            roles=roles,
            issuer=self.config.token_issuer,
            audience=self.config.token_audience,
            now=SystemClock().now(),
            lifetime=timedelta(days=3650),  # tests move the clock
            organization_id=organization_id,
        )

    def client(
        self, *roles: Role, organization_id: str | None = None, subject: str = "tester"
    ) -> FlaskClient:
        """Return a caller of the API in these roles; without roles, anybody."""
        client = self.app.test_client()
        if roles:
            token = self.token(*roles, organization_id=organization_id, subject=subject)
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    @contextmanager
    def with_topics(self) -> Iterator[None]:
        """Make the topics that the service writes and reads, and take them away after."""
        own = {(self.service.name, Stream.EVENTS)}
        if self.service.publishes is not None:
            own |= {
                (self.service.name, schema.stream) for schema in published_by(self.service.publishes).values()
            }
        read = set(self.service.handlers.topics(self.topics).values())
        specs = [self.topics.spec(service, stream) for service, stream in sorted(own | read)]
        admin = KafkaAdminClient(bootstrap_servers=self._bootstrap)
        try:
            create_topics(admin, specs)
            yield
            admin.delete_topics([spec.name for spec in specs])
        finally:
            admin.close()

    @contextmanager
    def running(self, *kinds: str) -> Iterator[None]:
        """Run ``relay``, ``worker`` or both while a block runs; periodic jobs are called by the tests."""
        make: Mapping[str, Callable[[Context], Any]] = {"relay": make_relay, "worker": make_worker}
        stop = threading.Event()
        threads = []
        for kind in kinds:
            loop = make[kind](self._context(kind, stop))
            threads.append(threading.Thread(target=loop.run, args=(stop,), daemon=True))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(_PATIENCE)
                if thread.is_alive():
                    raise RuntimeError("a loop that was told to stop goes on")

    def run_jobs(self) -> None:
        """Run every periodic job once."""
        for periodic in self.service.periodic(self.database, self.config, self.clock):
            periodic.job()

    def hear(
        self,
        type_: str,
        data: Mapping[str, Any],
        *,
        service: str,
        subject: str,
        stream: Stream = Stream.EVENTS,
        version: int | None = None,
    ) -> Event:
        """Put an event on another service's topic, as that service would, and wait until Kafka has it."""
        event = Event(
            id=new_id(),
            type=type_,
            subject=subject,
            time=SystemClock().now(),
            data=data,
            stream=stream,
            key=subject,
            version=version,
        )
        value, headers = encode(event, source=f"/{self.config.coalition}/{service}", sequence=1)
        producer = KafkaProducer(bootstrap_servers=self._bootstrap, acks="all")
        try:
            topic = self.topics.of(service, stream)
            producer.send(topic, key=subject.encode(), value=value, headers=headers).get(timeout=10)
        finally:
            producer.close()
        return event

    def published(self, *, stream: Stream = Stream.EVENTS) -> list[dict[str, Any]]:
        """Return every event on the service's own topic so far, as the CloudEvents that partners read."""
        topic = self.topics.of(self.service.name, stream)
        reader = KafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
        try:
            partitions = [
                TopicPartition(topic, number) for number in reader.partitions_for_topic(topic) or ()
            ]
            reader.assign(partitions)
            reader.seek_to_beginning(*partitions)
            ends = reader.end_offsets(partitions)
            found: list[dict[str, Any]] = []
            while any(reader.position(partition) < ends[partition] for partition in partitions):
                for records in reader.poll(timeout_ms=500).values():
                    found.extend(loads(record.value) for record in records if record.value is not None)
            return found
        finally:
            reader.close()

    def close(self) -> None:
        """Let go of the database."""
        self.database.client.close()

    def _context(self, kind: str, stop: threading.Event) -> Context:
        return Context(
            service=self.service,
            config=self.config,
            database=self.database,
            clock=self.clock,
            stop=stop,
            name=f"{self.service.name}-{kind}-test",
        )
