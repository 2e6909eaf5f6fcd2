"""The secrets in the folders of all organizations: what is there is kept, what is missing is made.

A secret has one home. Two belong to registration rather than to who hosts it: with another manage secret
every link that was sent is useless and every person a new one, and with another signing key nobody is
signed in. When registration moves, they move.
"""

import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vetika_cli.credentials import Credentials
from vetika_cli.errors import UserError
from vetika_cli.hosting import scram
from vetika_cli.hosting.coalition import Organization
from vetika_cli.hosting.scram import Verifier

KEY_SET: Final = Path("tokens/jwks.json")  # public
SIGNING_KEY: Final = Path("tokens/signing-key.json")
MANAGE_SECRET: Final = Path("registration/manage-secret")
SECRETS: Final = "secrets"


@dataclass(frozen=True, kw_only=True)
class Found:
    """Secrets that an organization lacks, by path below its `secrets/`, and where some of them are now."""

    files: Mapping[Path, str]
    moved: Sequence[Path] = ()  # below the folder of all organizations: where they were


class Safe:
    """Reads the folder of all organizations and writes nothing."""

    def __init__(self, folder: Path, *, verifiers: Path, renew: Collection[str] = ()) -> None:
        """Look into a folder.

        Args:
            folder: Of all organizations.
            verifiers: Where in it lies what Kafka knows of the passwords.
            renew: Users in Kafka whose passwords are made anew.
        """
        self._folder = folder
        self._renew = renew
        self._passwords: dict[str, str | None] = {}
        self.moved: list[Path] = []
        if not (folder / verifiers).exists():  # Kafka has moved, or is new
            self.moved = [
                path.relative_to(folder) for path in sorted(folder.glob(f"*/{SECRETS}/kafka/verifiers.json"))
            ]
        place = folder / (self.moved[0] if self.moved else verifiers)
        try:
            self._before = scram.from_json(text_at(place) or "{}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{place} cannot be read: put it back from your backup.") from error

    def password(self, path: Path, *, user: str) -> str | None:
        """Return a user's password in Kafka: the one that lies at a path, or a new one.

        None when it was handed over and removed here: Kafka knows it, and that is enough.
        """
        kept = None if user in self._renew else text_at(self._folder / path)
        if kept is None and (user in self._renew or user not in self._before):
            kept = scram.new_password()
        self._passwords[user] = kept and kept.strip()
        return self._passwords[user]

    def verifiers(self) -> dict[str, Verifier]:
        """Return what Kafka is to know of all users that were asked for."""
        return {user: self._verifier(user, password) for user, password in self._passwords.items()}

    def _verifier(self, user: str, password: str | None) -> Verifier:
        before = self._before.get(user)
        if before is not None and (password is None or before.belongs_to(password)):
            return before
        return Verifier.renewed(password or scram.new_password(), before=before)

    def of(self, organization: Organization, *, key_set: str | None) -> Found:
        """Return what is missing of the secrets that every deployment of these services has, and the key set.

        Args:
            organization: Whose.
            key_set: The public keys for tokens, where another organization has the private one.
        """
        moved = list(self._moving(organization)) if "registration" in organization.services else []
        with tempfile.TemporaryDirectory() as scratch:
            credentials = Credentials(Path(scratch))
            seen = self._folder / organization.name / SECRETS
            if seen.is_dir():
                shutil.copytree(seen, scratch, dirs_exist_ok=True)
            for path in moved:
                _put(credentials.folder / Path(*path.parts[2:]), (self._folder / path).read_text("utf-8"))
            if key_set is None and moved:
                # As the former host had it: a second key may be in it, while keys are being changed.
                key_set_there = (self._folder / moved[-1].parts[0] / SECRETS / KEY_SET).read_text("utf-8")
                _put(credentials.key_set, key_set_there)
            elif key_set is not None:
                _put(credentials.key_set, key_set)
            arrived = [credentials.folder / Path(*path.parts[2:]) for path in moved]
            made = {*arrived, *credentials.ensure(organization.services), credentials.key_set}
            files = {path.relative_to(scratch): path.read_text("utf-8") for path in sorted(made)}
        if key_set is not None:
            files.pop(SIGNING_KEY, None)  # another organization has it
        return Found(files=files, moved=moved)

    def _moving(self, organization: Organization) -> Iterator[Path]:
        """Yield where registration's own secrets lie when its host has none of them yet."""
        for name in (MANAGE_SECRET, SIGNING_KEY):
            if (self._folder / organization.name / SECRETS / name).exists():
                continue
            for path in sorted(self._folder.glob(f"*/{SECRETS}/{name}")):
                yield path.relative_to(self._folder)
                break


def text_at(path: Path) -> str | None:
    """Return what a file holds; None when there is none."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
