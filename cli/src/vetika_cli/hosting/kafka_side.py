"""Kafka in an organization's compose file: its host's broker with rights, and everybody's way to sign in."""

from typing import Any, Final, TypeAlias

from vetika_cli.hosting.broker import Doors, as_environment, broker_settings
from vetika_cli.hosting.coalition import Certificates, Coalition, Organization
from vetika_cli.hosting.scram import MECHANISM

Document: TypeAlias = dict[str, Any]

TRUSTED: Final = "kafka-ca.pem"
RIGHTS: Final = "kafka/rights.yml"
STREAM: Final = "stream"  # the network on which Kafka is spoken
_KEYSTORE: Final = "/run/secrets/kafka-keystore"
_CA: Final = "/run/kafka-ca.pem"


class KafkaSide:
    """Changes one organization's containers; `secrets` are those that its compose file needs for it."""

    def __init__(self, coalition: Coalition, organization: Organization) -> None:
        self._coalition = coalition
        self._organization = organization
        self.hosts = coalition.kafka_host == organization
        self.secrets: dict[str, Document] = {}

    def sign_in(self, name: str, service: Document) -> None:
        """Reach Kafka over TLS as a user of the service's own."""
        user, secret = self._user(name)
        service["environment"] |= {
            "VETIKA_KAFKA_BOOTSTRAP": ",".join(self._coalition.kafka.addresses),
            "VETIKA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "VETIKA_KAFKA_SASL_MECHANISM": MECHANISM,
            "VETIKA_KAFKA_USERNAME": user,
        }
        if STREAM not in service.get("networks", ()):
            return  # it does not speak with Kafka, and gets no password
        if self._brings_trust():
            service["environment"]["VETIKA_KAFKA_CA_FILE"] = _CA
            service.setdefault("volumes", []).append(f"./{TRUSTED}:{_CA}:ro")
        service["environment"]["VETIKA_KAFKA_PASSWORD_FILE"] = "/run/secrets/kafka-password"  # noqa: S105 - a path
        service.setdefault("secrets", []).append(self._use_secret(secret, target="kafka-password"))

    def _user(self, name: str) -> tuple[str, str]:
        """Return the user that a container is in Kafka, and the file of its password below secrets/."""
        services = self._organization.services
        owner = next((one for one in services if name.startswith(f"{one}-")), None)
        if owner is None and self.hosts:
            return str(self._coalition.administrator), "kafka/password"
        service = owner or services[0]
        return self._coalition.user_of_service(service), f"{service}/kafka-password"

    def _use_secret(self, file: str, *, target: str) -> Document:
        name = file.replace("/", "-") if file.startswith("kafka/") else f"{file.partition('/')[0]}-{target}"
        self.secrets[name] = {"file": f"${{VETIKA_SECRETS}}/{file}"}
        return {"source": name, "target": target}

    def _brings_trust(self) -> bool:
        """Whether Kafka's certificate needs an authority that the containers do not know by themselves."""
        host = self._coalition.kafka_host
        return self._coalition.kafka.ca is not None or (
            host is not None and host.certificates is Certificates.COALITION
        )

    def secure(self, service: Document) -> None:
        """Give the broker its doors, its certificate and its authorizer."""
        kafka = self._coalition.kafka
        settings = broker_settings(
            address=kafka.addresses[0], administrator=str(self._coalition.administrator), keystore=_KEYSTORE
        )
        service["environment"] |= as_environment(settings)
        service.setdefault("secrets", []).append(
            self._use_secret("kafka/keystore.pem", target="kafka-keystore")
        )
        # Its own containers find it under the name that its certificate has; the world at the published port.
        service["networks"] = {STREAM: {"aliases": [kafka.host]}, "outside": {}}
        service["ports"] = [f"${{VETIKA_KAFKA_BIND:-0.0.0.0}}:${{VETIKA_KAFKA_PORT:-{kafka.port}}}:9093"]
        probe = service["healthcheck"]["test"]
        local = Doors().local.replace(":", "/")
        service["healthcheck"]["test"] = [part.replace("127.0.0.1/9092", local) for part in probe]

    def rights_job(self, topics_job: Document) -> Document:
        """Return the job that makes users and rights, from within the broker's network namespace."""
        job = {
            key: value for key, value in topics_job.items() if key not in ("networks", "secrets", "volumes")
        }
        return job | {
            "command": [
                *("hosting", "apply"),
                *("--rights", "/run/rights.yml"),
                *("--verifiers", "/run/secrets/verifiers"),
            ],
            "network_mode": "service:kafka",
            "environment": {
                "VETIKA_COALITION": self._coalition.name,
                "VETIKA_KAFKA_BOOTSTRAP": Doors().local,
            },
            "volumes": [f"./{RIGHTS}:/run/rights.yml:ro"],
            "secrets": [self._use_secret("kafka/verifiers.json", target="verifiers")],
            "depends_on": {"kafka": {"condition": "service_healthy"}},
        }
