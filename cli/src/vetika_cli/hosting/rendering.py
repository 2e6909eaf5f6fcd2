"""What is to lie in the folders of all organizations and partners, from a hosting file and what lies there.

Passwords, keys and certificates that are there stay, unless they are to be renewed; so rendering twice
changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from vetika_cli.errors import UserError
from vetika_cli.hosting import pages, scram
from vetika_cli.hosting.authority import Authority, ends, is_for, parts_of
from vetika_cli.hosting.coalition import AUTHORITY, PARTNERS, Certificates, Coalition, Organization, Partner
from vetika_cli.hosting.compose import CONFIGURATION, compose_of, mounted_files
from vetika_cli.hosting.environment import environment_of, overlays_for
from vetika_cli.hosting.files import Tree, Wanted
from vetika_cli.hosting.kafka_side import RIGHTS, TRUSTED
from vetika_cli.hosting.rights import rights_of
from vetika_cli.hosting.safe import KEY_SET, SECRETS, SIGNING_KEY, Safe, text_at
from vetika_cli.hosting.source import Source

AUTHORITY_FOLDER: Final = Path(AUTHORITY) / "authority"
VERIFIERS: Final = Path(SECRETS) / "kafka" / "verifiers.json"
KEYSTORE: Final = Path(SECRETS) / "kafka" / "keystore.pem"
CERTIFICATE: Final = Path(SECRETS) / "gateway" / "certificate.pem"
CERTIFICATE_KEY: Final = Path(SECRETS) / "gateway" / "certificate-key.pem"
SOON: Final = timedelta(days=30)


class Step(StrEnum):
    """The steps of replacing the authority."""

    PREPARE = "prepare"
    SWITCH = "switch"
    RETIRE = "retire"


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """What is made anew although it is there."""

    users: frozenset[str] = frozenset()  # users in Kafka: their passwords
    certificates: bool = False
    authority: Step | None = None


class Rendering:
    """One pass over everything."""

    def __init__(
        self,
        coalition: Coalition,
        *,
        source: Source,
        folder: Path,
        now: datetime,
        renewal: Renewal | None = None,
    ) -> None:
        """Look at what lies in a folder; nothing is written.

        Args:
            coalition: Who hosts what.
            source: The checkout's compose file and contracts.
            folder: Of all organizations.
            now: The time (aware) from which certificates are good.
            renewal: What is made anew.
        """
        self._coalition = coalition
        self._source = source
        self._folder = folder
        self._now = now
        renewal = renewal or Renewal()
        self._renew_certificates = renewal.certificates or renewal.authority is Step.SWITCH
        self._authority = self._authority_after(renewal.authority)
        self._keeps_rights = Path(AUTHORITY if coalition.kafka_host is None else coalition.kafka_host.name)
        self._safe = Safe(folder, verifiers=self._keeps_rights / VERIFIERS, renew=renewal.users)
        self._files: dict[Path, Wanted] = {}
        self._gone: list[Path] = list(self._safe.moved)
        self.notes: list[str] = []  # sentences for whoever renders

    def tree(self) -> Tree:
        """Return everything that is to lie in the folder."""
        for path, wanted in self._authority.files().items():
            self._files[AUTHORITY_FOLDER / path] = wanted
        key_set = None
        # The key with which tokens are signed is with registration; everybody else gets its public half.
        for organization in sorted(
            self._coalition.organizations, key=lambda one: "registration" not in one.services
        ):
            key_set = self._secrets(organization, key_set=key_set)
            self._organization(organization)
        for partner in self._coalition.partners:
            self._partner(partner)
        self._rights()
        owned = [Path(PARTNERS), AUTHORITY_FOLDER]
        for organization in self._coalition.organizations:
            owned += [Path(organization.name) / name for name in (CONFIGURATION, Path(RIGHTS).parent)]
        self.notes += self._leftovers()
        files = {path: file for path, file in self._files.items() if path not in self._gone}
        return Tree(files=files, owned=owned, gone=self._gone)

    def _authority_after(self, step: Step | None) -> Authority:
        authority = Authority.read(self._folder / AUTHORITY_FOLDER)
        if authority is None:
            if step is not None:
                raise UserError("There is no authority yet: `./vetika hosting render` makes the first.")
            return Authority.new(coalition=self._coalition.name, now=self._now)
        match step:
            case None:
                return authority
            case Step.PREPARE:
                return authority.prepared(coalition=self._coalition.name, now=self._now)
            case Step.SWITCH:
                return authority.switched()
            case Step.RETIRE:
                return authority.retired()

    def _secrets(self, organization: Organization, *, key_set: str | None) -> str:
        found = self._safe.of(organization, key_set=key_set)
        for path, text in found.files.items():
            self._want(Path(organization.name) / SECRETS / path, text, secret=path != KEY_SET)
        self._gone += found.moved
        if key_set is not None and (self._folder / organization.name / SECRETS / SIGNING_KEY).exists():
            self._gone.append(Path(organization.name) / SECRETS / SIGNING_KEY)
        return found.files[KEY_SET]

    def _organization(self, organization: Organization) -> None:
        home = Path(organization.name)
        base = self._source.compose(*overlays_for(organization))
        compose = compose_of(base, coalition=self._coalition, organization=organization)
        self._want(home / "compose.yml", pages.compose(compose, coalition=self._coalition))
        self._want(home / ".env", environment_of(self._coalition, organization=organization))
        self._want(home / "README.md", pages.operator(self._coalition, organization=organization))
        for file, place in self._source.copies(mounted_files(base, compose)):
            self._want(home / CONFIGURATION / place, file.read_text("utf-8"))
        if trusted := self._trusted():
            self._want(home / TRUSTED, trusted)
        for service in organization.services:
            self._password(
                home / SECRETS / service / "kafka-password", user=self._coalition.user_of_service(service)
            )
        if organization == self._coalition.kafka_host:
            self._password(home / SECRETS / "kafka" / "password", user=str(self._coalition.administrator))
            self._server(organization, [KEYSTORE], names=[self._coalition.kafka.host])
        if organization.services and not organization.sandbox:
            self._server(organization, [CERTIFICATE, CERTIFICATE_KEY], names=[organization.address])

    def _partner(self, partner: Partner) -> None:
        home = Path(PARTNERS) / partner.name
        self._password(home / "password", user=self._coalition.user_of_partner(partner))
        trusted = self._trusted()
        self._want(
            home / "README.md", pages.partner(self._coalition, partner=partner, trusted=trusted is not None)
        )
        if trusted:
            self._want(home / "ca.pem", trusted)
        for service in partner.topics:
            for file, place in self._source.contract(service):
                self._want(home / "contracts" / place, file.read_text("utf-8"))

    def _rights(self) -> None:
        """Want what the job needs that makes users and rights: with Kafka's host, or with the coordinator."""
        rights = rights_of(self._coalition, overview=self._source.topics)
        self._want(self._keeps_rights / RIGHTS, rights.to_yaml())
        self._want(self._keeps_rights / VERIFIERS, scram.to_json(self._safe.verifiers()), secret=True)

    def _password(self, path: Path, *, user: str) -> None:
        password = self._safe.password(path, user=user)
        if password is not None:
            self._want(path, password + "\n", secret=True)

    def _server(self, organization: Organization, paths: Sequence[Path], *, names: Sequence[str]) -> None:
        """Want a server's certificate and key, in one file or in two."""
        places = [Path(organization.name) / path for path in paths]
        present = "".join(text_at(self._folder / place) or "" for place in places)
        if organization.certificates is Certificates.OWN:
            if not all((self._folder / place).exists() for place in places):
                self.notes.append(
                    f"{organization.name} brings {' and '.join(map(str, paths))} for {names[0]} itself."
                )
            return
        if "CERTIFICATE" not in present or self._renew_certificates or not is_for(present, names=names):
            issued = self._authority.issue(*names, now=self._now)
        else:
            issued = present
            if ends(present) < self._now + SOON:
                self.notes.append(
                    f"{places[0]} ends on {ends(present):%Y-%m-%d}: `./vetika hosting renew` in time."
                )
        key, certificates = parts_of(issued)
        parts = [key + certificates] if len(places) == 1 else [certificates, key]
        for place, text in zip(places, parts, strict=True):
            self._want(place, text, secret=True)

    def _trusted(self) -> str | None:
        """Return the authorities that Kafka's certificate may come from; None: those that everybody knows."""
        host, given = self._coalition.kafka_host, self._coalition.kafka.ca
        if given is not None:
            return given.read_text("utf-8")
        return self._authority.trusted if host and host.certificates is Certificates.COALITION else None

    def _leftovers(self) -> Iterator[str]:
        """Yield a sentence for everything that nobody needs any more and that is not taken away."""
        names = {AUTHORITY, PARTNERS, *(one.name for one in self._coalition.organizations)}
        for path in sorted(self._folder.glob("*/")):
            if path.name not in names:
                yield f"{path} belongs to nobody in the hosting file: remove it when nothing of it runs."
        services = [service for one in self._coalition.organizations for service in one.services]
        for organization in self._coalition.organizations:
            hosted = [
                *organization.services,
                *(["kafka"] if organization == self._coalition.kafka_host else []),
            ]
            for service in sorted({*services, "kafka"} - set(hosted)):
                path = self._folder / organization.name / SECRETS / service
                if path.exists():
                    yield f"{path} is not used any more: remove it when {service} has been handed over."

    def _want(self, path: Path, text: str, *, secret: bool = False) -> None:
        self._files[path] = Wanted(text=text, secret=secret)
