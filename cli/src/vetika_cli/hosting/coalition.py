"""Who hosts what in one coalition: the values of a hosting file that has been checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

EXTERNAL: Final = "external"  # in place of an organization: Kafka that none of them runs
PARTNERS: Final = "partners"  # the folder of the partners' pages, and a part of their users' names
AUTHORITY: Final = "coalition"  # the folder of the certificate authority
RESERVED: Final = (EXTERNAL, PARTNERS, AUTHORITY)  # what no organization and no partner may be called


class Certificates(StrEnum):
    """Where an organization's certificates come from."""

    COALITION = "coalition"  # signed by the coalition's authority
    OWN = "own"  # the organization brings its own


@dataclass(frozen=True, kw_only=True)
class Organization:
    """One that runs something."""

    name: str
    title: str
    address: str  # host name of its gateway
    services: Sequence[str]
    certificates: Certificates = Certificates.COALITION
    sandbox: bool = False  # mails and SMS end in a mailbox and a telephone to look at
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Partner:
    """One that reads events and runs nothing."""

    name: str
    title: str
    topics: Sequence[str]  # the services whose events it may read

    @property
    def group_prefix(self) -> str:
        """What the names of its consumer groups begin with."""
        return f"{self.name}."


@dataclass(frozen=True, kw_only=True)
class Kafka:
    """The cluster that all share."""

    hosted_by: str  # an organization, or EXTERNAL
    addresses: Sequence[str]  # host:port
    ca: Path | None = None  # of an authority other than the coalition's

    @property
    def host(self) -> str:
        """The host name of the first address."""
        return self.addresses[0].rpartition(":")[0]

    @property
    def port(self) -> int:
        """The port of the first address."""
        return int(self.addresses[0].rpartition(":")[2])


@dataclass(frozen=True, kw_only=True)
class Coalition:
    """The whole."""

    name: str
    kafka: Kafka
    organizations: Sequence[Organization]
    partners: Sequence[Partner] = ()

    def organization(self, name: str) -> Organization | None:
        """Return the organization of a name."""
        return next((one for one in self.organizations if one.name == name), None)

    def partner(self, name: str) -> Partner | None:
        """Return the partner of a name."""
        return next((one for one in self.partners if one.name == name), None)

    @property
    def kafka_host(self) -> Organization | None:
        """The organization that runs Kafka; none when it is external."""
        return self.organization(self.kafka.hosted_by)

    def host_of(self, service: str) -> Organization:
        """Return the organization that runs a service."""
        return next(one for one in self.organizations if service in one.services)

    def user_of_service(self, service: str) -> str:
        """Return a service's user in Kafka; another organization's would be another user."""
        return f"{self.name}.{self.host_of(service).name}.{service}"

    def user_of_partner(self, partner: Partner) -> str:
        """Return a partner's user in Kafka."""
        return f"{self.name}.{PARTNERS}.{partner.name}"

    @property
    def administrator(self) -> str | None:
        """The user that keeps topics and rights; none when Kafka is external."""
        host = self.kafka_host
        return None if host is None else f"{self.name}.{host.name}.kafka"
