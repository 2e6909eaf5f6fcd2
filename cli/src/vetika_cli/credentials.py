"""The secrets of a deployment in containers: files, made once, each mounted only where it is needed.

The folder is closed to everybody but its owner. The files in it can be read by all: a container is given
single files, and its user is another one than the host's.
"""

import json
import secrets
import string
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vetika_cli.installation import SERVICES
from vetika_cli.whole_files import write_whole
from vetika_kit.http.tokens import new_private_key, public_key_set

_ALPHABET: Final = string.ascii_letters + string.digits  # fit for connection strings and shells alike
_PASSWORD: Final = 40  # characters; 238 bits
_KEYFILE: Final = (
    756  # characters of what a replica set's members know each other by; MongoDB takes up to 1,024
)


class Credentials:
    """The folder of a deployment's secrets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signing_key = folder / "tokens" / "signing-key.json"  # a private JSON Web Key; never mounted
        self.key_set = folder / "tokens" / "jwks.json"  # its public half, for every service

    def ensure(self, services: Iterable[str] = SERVICES) -> list[Path]:
        """Make what is missing and return it; what is there stays as it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        made = []
        for name, value in self._wanted(services):
            path = self.folder / name
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                write_whole(path, value(), mode=0o644)
                made.append(path)
        return made

    def _wanted(self, services: Iterable[str]) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "tokens/signing-key.json", _signing_key
        yield "tokens/jwks.json", lambda: json.dumps(public_key_set(json.loads(self.signing_key.read_text())))
        for service in services:
            yield f"{service}/mongodb-root-password", _password
            yield f"{service}/mongodb-password", _password
            yield f"{service}/mongodb-uri", lambda service=service: self._mongodb_uri(service)  # type: ignore[misc] # bound now
            yield f"{service}/mongodb-keyfile", lambda: _random(_KEYFILE)
            match service:
                case "registration":
                    yield f"{service}/manage-secret", _password
                case "notifications":
                    yield f"{service}/sms-account", lambda: f"AC{secrets.token_hex(16)}"
                    yield f"{service}/sms-token", lambda: secrets.token_hex(16)
        yield "observability/grafana-password", _password

    def _mongodb_uri(self, service: str) -> str:
        password = (self.folder / service / "mongodb-password").read_text().strip()
        return f"mongodb://{service}:{password}@{service}-mongodb:27017/?replicaSet=rs0&authSource=admin"


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _password() -> str:
    return _random(_PASSWORD)


def _signing_key() -> str:
    # The day tells which of several keys is the newer one.
    kid = f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(4)}"
    return json.dumps(new_private_key(kid=kid, algorithm="ES256"))
