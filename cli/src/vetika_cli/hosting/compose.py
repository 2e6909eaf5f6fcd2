"""An organization's compose file: its part of the one in the checkout, with rights in Kafka.

Nothing is written twice: images, limits, health checks and networks are those of `docker-compose.yml`.
What differs is who is there, and that Kafka is reached over TLS with a user of one's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Any, Final, TypeAlias

from vetika_cli.hosting.broker import as_environment, broker_settings
from vetika_cli.hosting.coalition import Certificates, Coalition, Organization
from vetika_cli.hosting.scram import MECHANISM

Document: TypeAlias = dict[str, Any]

CONFIGURATION: Final = "config"  # where files of the checkout that containers mount are copied to
TRUSTED: Final = "kafka-ca.pem"
RIGHTS: Final = "kafka/rights.yml"
_STREAM: Final = "stream"  # the network on which Kafka is spoken
_JOBS_OF_KAFKA: Final = ("kafka", "topics")
_TRY_OUT: Final = ("mailbox", "phone")
_KEYSTORE: Final = "/run/secrets/kafka-keystore"
_CA: Final = "/run/kafka-ca.pem"


def compose_of(base: Mapping[str, Any], *, coalition: Coalition, organization: Organization) -> Document:
    """Return the compose file of one organization.

    Args:
        base: The checkout's own compose file, parsed.
        coalition: The whole.
        organization: Whose.
    """
    part = _Part(base, coalition=coalition, organization=organization)
    return part.document()


def mounted_files(base: Mapping[str, Any], compose: Mapping[str, Any]) -> list[PurePosixPath]:
    """Return what of the checkout a compose file's containers mount, as paths in the checkout."""
    found: set[PurePosixPath] = set()
    for name in compose["services"]:
        for volume in base["services"].get(name, {}).get("volumes", ()):
            source = _source(volume)
            if source.startswith("./"):
                found.add(PurePosixPath(source))
    return sorted(found)


class _Part:
    def __init__(self, base: Mapping[str, Any], *, coalition: Coalition, organization: Organization) -> None:
        self._base = base
        self._coalition = coalition
        self._organization = organization
        self._hosts_kafka = coalition.kafka_host == organization
        self._secrets: dict[str, Document] = {}

    def document(self) -> Document:
        services = {name: self._service(name) for name in self._names()}
        if self._hosts_kafka:
            services = {"kafka": services.pop("kafka"), "kafka-rights": self._rights_job(), **services}
        used = {_secret(one) for service in services.values() for one in service.get("secrets", ())}
        known = {**self._base["secrets"], **self._secrets}
        return {
            "name": f"vetika-{self._coalition.name}-{self._organization.name}",
            "services": services,
            "networks": {
                name: self._network(name)
                for name in self._base["networks"]
                if any(name in (service.get("networks") or ()) for service in services.values())
            },
            "volumes": {
                name: volume
                for name, volume in self._base["volumes"].items()
                if any(
                    _source(one) == name
                    for service in services.values()
                    for one in service.get("volumes", ())
                )
            },
            "secrets": {name: known[name] for name in sorted(used)},
        }

    def _names(self) -> Iterator[str]:
        services = self._organization.services
        for name in self._base["services"]:
            owner = next((one for one in self._known_services() if name.startswith(f"{one}-")), None)
            wanted = (
                owner in services
                if owner is not None
                else self._hosts_kafka
                if name in _JOBS_OF_KAFKA
                else self._organization.sandbox and "notifications" in services
                if name in _TRY_OUT
                else bool(services)
                if name == "gateway"
                else True
            )
            if wanted:
                yield name

    def _known_services(self) -> Sequence[str]:
        return [service for one in self._coalition.organizations for service in one.services]

    def _service(self, name: str) -> Document:
        service: Document = deepcopy(self._base["services"][name])
        service.pop("build", None)
        if "volumes" in service:
            service["volumes"] = [_moved(volume) for volume in service["volumes"]]
        if "depends_on" in service:
            service["depends_on"] = self._dependencies(service["depends_on"])
            if not service["depends_on"]:
                del service["depends_on"]
        match name:
            case "kafka":
                self._secure(service)
            case "topics":
                service["depends_on"] = {"kafka-rights": {"condition": "service_completed_successfully"}}
            case "gateway":
                service["environment"]["VETIKA_SERVICES"] = "|".join(self._organization.services)
        if "VETIKA_KAFKA_BOOTSTRAP" in service.get("environment", {}):
            self._sign_in(name, service)
        return service

    def _dependencies(self, dependencies: Any) -> Document:
        """Return those on containers that the organization has; what others host is waited for in use."""
        given = (
            dependencies
            if isinstance(dependencies, dict)
            else {name: {"condition": "service_started"} for name in dependencies}
        )
        here = set(self._names())
        return {name: condition for name, condition in given.items() if name in here}

    def _sign_in(self, name: str, service: Document) -> None:
        """Reach Kafka over TLS as a user of the service's own."""
        user, secret = self._user(name)
        service["environment"] |= {
            "VETIKA_KAFKA_BOOTSTRAP": ",".join(self._coalition.kafka.addresses),
            "VETIKA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "VETIKA_KAFKA_SASL_MECHANISM": MECHANISM,
            "VETIKA_KAFKA_USERNAME": user,
        }
        if _STREAM not in service.get("networks", ()):
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
        if owner is None and self._hosts_kafka:
            return str(self._coalition.administrator), "kafka/password"
        service = owner or services[0]
        return self._coalition.user_of_service(service), f"{service}/kafka-password"

    def _use_secret(self, file: str, *, target: str) -> Document:
        name = file.replace("/", "-") if file.startswith("kafka/") else f"{file.partition('/')[0]}-{target}"
        self._secrets[name] = {"file": f"${{VETIKA_SECRETS}}/{file}"}
        return {"source": name, "target": target}

    def _brings_trust(self) -> bool:
        """Whether Kafka's certificate needs an authority that the containers do not know by themselves."""
        host = self._coalition.kafka_host
        return self._coalition.kafka.ca is not None or (
            host is not None and host.certificates is Certificates.COALITION
        )

    def _secure(self, service: Document) -> None:
        kafka = self._coalition.kafka
        settings = broker_settings(
            address=kafka.addresses[0], administrator=str(self._coalition.administrator), keystore=_KEYSTORE
        )
        service["environment"] |= as_environment(settings)
        service.setdefault("secrets", []).append(
            self._use_secret("kafka/keystore.pem", target="kafka-keystore")
        )
        # Its own containers find it under the name that its certificate has; the world at the published port.
        service["networks"] = {_STREAM: {"aliases": [kafka.host]}, "outside": {}}
        service["ports"] = [f"${{VETIKA_KAFKA_BIND:-0.0.0.0}}:${{VETIKA_KAFKA_PORT:-{kafka.port}}}:9093"]
        probe = service["healthcheck"]["test"]
        service["healthcheck"]["test"] = [part.replace("127.0.0.1/9092", "127.0.0.1/9094") for part in probe]

    def _rights_job(self) -> Document:
        """Return the job that makes users and rights, from within the broker's network namespace."""
        job = self._service("topics")
        for key in ("networks", "secrets", "volumes"):
            job.pop(key, None)
        return job | {
            "command": [
                "hosting",
                "apply",
                "--rights",
                "/run/rights.yml",
                "--verifiers",
                "/run/secrets/verifiers",
            ],
            "network_mode": "service:kafka",
            "environment": {
                "VETIKA_COALITION": self._coalition.name,
                "VETIKA_KAFKA_BOOTSTRAP": "127.0.0.1:9094",
            },
            "volumes": [f"./{RIGHTS}:/run/rights.yml:ro"],
            "secrets": [self._use_secret("kafka/verifiers.json", target="verifiers")],
            "depends_on": {"kafka": {"condition": "service_healthy"}},
        }

    def _network(self, name: str) -> Document:
        network: Document = dict(self._base["networks"][name] or {})
        if name == _STREAM and not self._hosts_kafka:
            network.pop("internal", None)  # Kafka is outside
        return network


def _source(volume: object) -> str:
    return str(volume["source"]) if isinstance(volume, dict) else str(volume).partition(":")[0]


def _moved(volume: Any) -> Any:
    """Return a volume with files of the checkout taken from the organization's folder."""
    source = _source(volume)
    if not source.startswith("./"):
        return volume
    inside = f"./{CONFIGURATION}/{source.removeprefix('./').removeprefix('deploy/')}"
    if isinstance(volume, dict):
        return {**volume, "source": inside}
    return inside + str(volume).removeprefix(source)


def _secret(one: object) -> str:
    return str(one["source"]) if isinstance(one, dict) else str(one)
