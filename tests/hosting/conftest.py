"""A coalition's folders as they are rendered, and its Kafka as it is set: TLS, passwords, rights."""

import contextlib
import gc
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml

from vetika_cli.embedded import KafkaServer, free_port
from vetika_cli.hosting import files, reading
from vetika_cli.hosting.broker import SESSION, Doors, broker_settings
from vetika_cli.hosting.rendering import Rendering
from vetika_cli.hosting.source import Source
from vetika_cli.main import main
from vetika_cli.places import checkout
from vetika_kit.config import KafkaConfig, load
from vetika_kit.topics import Topics

EXAMPLE = checkout() / "deploy" / "hosting" / "hosting.yml"


@pytest.fixture(autouse=True)
def forgotten_sockets_go():
    """Sockets of refused connections, which kafka-python forgets, are warned of in their own test."""
    yield
    gc.collect()


class Hosted:
    """Who hosts what, the folders of all, and the Kafka of one."""

    def __init__(self, folder, *, coalition):
        """Take the example, with Kafka on this machine."""
        self.file, self.folder = folder / "hosting.yml", folder / "all"
        self.port, self._controller = free_port(), free_port()
        self.document = yaml.safe_load(EXAMPLE.read_text("utf-8"))
        self.document["coalition"] = coalition
        self.document["kafka"]["addresses"] = [f"127.0.0.1:{self.port}"]
        self.topics = Topics(coalition=coalition)
        self.server = KafkaServer(folder / "kafka", controller_port=self._controller)

    @property
    def coalition(self):
        """What the document describes."""
        self.file.write_text(yaml.safe_dump(self.document, sort_keys=False), "utf-8")
        return reading.read(self.file, services=Source().services)

    def render(self, *, renewal=None, now=None):
        """Bring the folders about."""
        rendering = Rendering(
            self.coalition, source=Source(), folder=self.folder, now=now or datetime.now(UTC), renewal=renewal
        )
        files.bring_about(self.folder, rendering.tree().changes(self.folder))

    def start(self, *, session=SESSION):
        """Start Kafka with the settings that its host's compose file has, on free ports."""
        host = self.coalition.kafka_host.name
        self.server.properties = broker_settings(
            address=f"127.0.0.1:{self.port}",
            administrator=self.coalition.administrator,
            keystore=str(self.folder / host / "secrets/kafka/keystore.pem"),
            session=session,
            doors=Doors(
                listen=f"127.0.0.1:{self.port}",
                local=self.server.bootstrap,
                controller=f"127.0.0.1:{self._controller}",
            ),
        )
        self.server.start()

    def restart(self, *, session=SESSION):
        """Stop Kafka and start it again: every connection is a new one."""
        self.server.stop()
        self.start(session=session)

    def apply(self):
        """Run the job that makes users and rights, through the door that the broker's own container has."""
        host = self.folder / self.coalition.kafka_host.name
        return self.run(
            "hosting",
            "apply",
            *("--rights", host / "kafka/rights.yml"),
            *("--verifiers", host / "secrets/kafka/verifiers.json"),
            environ={
                "VETIKA_KAFKA_BOOTSTRAP": self.server.bootstrap,
                "VETIKA_COALITION": self.document["coalition"],
            },
        )

    def run(self, *arguments, environ=None):
        """Run a command of `vetika`; return what it printed."""
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
            for name, value in (environ or {}).items():
                patch.setenv(name, value)
            status = main([str(one) for one in arguments])
        assert status == 0, printed.getvalue()
        return printed.getvalue()

    def environ(self, user):
        """What a user's processes are told of Kafka: its files are those of its own folder."""
        _, owner, name = user.split(".")
        own = self.folder / owner / name if owner == "partners" else self.folder / owner
        password = {"partners": "password"}.get(
            owner, "secrets/kafka/password" if name == "kafka" else f"secrets/{name}/kafka-password"
        )
        return {
            "VETIKA_COALITION": self.document["coalition"],
            "VETIKA_KAFKA_BOOTSTRAP": self.document["kafka"]["addresses"][0],
            "VETIKA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "VETIKA_KAFKA_USERNAME": user,
            "VETIKA_KAFKA_PASSWORD_FILE": str(own / password),
            "VETIKA_KAFKA_CA_FILE": str(own / ("ca.pem" if owner == "partners" else "kafka-ca.pem")),
        }

    def access(self, user, **other):
        """A user's settings, as the kit's clients take them; some may be others."""
        return replace(load(KafkaConfig, self.environ(user)), **other)

    def user(self, name):
        """`user("university")` or `user("registration")`: a user's full name."""
        coalition = self.coalition
        partner = coalition.partner(name)
        return coalition.user_of_partner(partner) if partner else coalition.user_of_service(name)


@pytest.fixture(scope="module")
def hosted(tmp_path_factory, coalition):
    """A rendered coalition of two organizations and two partners; its Kafka runs and has users and topics."""
    hosted = Hosted(tmp_path_factory.mktemp("hosted"), coalition=coalition)
    hosted.render()
    hosted.start()
    try:
        hosted.apply()
        hosted.run("topics", environ=hosted.environ(hosted.coalition.administrator))
        yield hosted
    finally:
        hosted.server.stop()
