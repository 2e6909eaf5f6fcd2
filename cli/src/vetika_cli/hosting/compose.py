"""An organization's compose file: its part of the one in the checkout, with rights in Kafka.

Nothing is written twice: images, limits, health checks and networks are those of `docker-compose.yml`.
What differs is who is there, and that Kafka is reached over TLS with a user of one's own.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Any, Final

from vetika_cli.hosting.coalition import Coalition, Organization
from vetika_cli.hosting.kafka_side import STREAM, Document, KafkaSide

CONFIGURATION: Final = "config"  # where files of the checkout that containers mount are copied to
_JOBS_OF_KAFKA: Final = ("kafka", "topics")
_TRY_OUT: Final = ("mailbox", "phone")


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
        self._kafka = KafkaSide(coalition, organization)

    def document(self) -> Document:
        services = {name: self._service(name) for name in self._names()}
        if self._kafka.hosts:
            rights = self._kafka.rights_job(self._service("topics"))
            services = {"kafka": services.pop("kafka"), "kafka-rights": rights, **services}
        used = {_secret(one) for service in services.values() for one in service.get("secrets", ())}
        known = {**self._base["secrets"], **self._kafka.secrets}
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
        return (name for name in self._base["services"] if self._runs(name))

    def _runs(self, name: str) -> bool:
        """Whether a container of the checkout's compose file is one of this organization's."""
        own = self._organization.services
        hosted = [service for one in self._coalition.organizations for service in one.services]
        owner = next((service for service in hosted if name.startswith(f"{service}-")), None)
        if owner is not None:
            return owner in own
        if name in _JOBS_OF_KAFKA:
            return self._kafka.hosts
        if name in _TRY_OUT:
            return self._organization.sandbox and "notifications" in own
        return bool(own) or name != "gateway"

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
                self._kafka.secure(service)
            case "topics":
                service["depends_on"] = {"kafka-rights": {"condition": "service_completed_successfully"}}
            case "gateway":
                service["environment"]["VETIKA_SERVICES"] = "|".join(self._organization.services)
        if "VETIKA_KAFKA_BOOTSTRAP" in service.get("environment", {}):
            self._kafka.sign_in(name, service)
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

    def _network(self, name: str) -> Document:
        network: Document = dict(self._base["networks"][name] or {})
        if name == STREAM and not self._kafka.hosts:
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
