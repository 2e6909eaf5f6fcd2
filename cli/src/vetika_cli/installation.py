"""One installation on this machine: its folder, ports, addresses and the servers that it was given."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

from vetika_cli.errors import UserError
from vetika_cli.places import home

# What listens where when the offset is 0. A service has an API; its other processes show their health.
PORTS: Final[Mapping[str, int]] = {
    "registration-api": 8001,
    "registration-relay": 8101,
    "registration-worker": 8201,
    "meetings-api": 8002,
    "meetings-relay": 8102,
    "meetings-worker": 8202,
    "notifications-api": 8003,
    "notifications-relay": 8103,
    "notifications-worker": 8203,
    "notifications-sender": 8303,
    "recommendations-api": 8004,
    "recommendations-relay": 8104,
    "recommendations-worker": 8204,
    "smtp": 8025,
    "mailbox": 8026,
    "phone": 8027,
    "kafka": 19092,
    "kafka-controller": 19093,
    "mongod": 19017,
}
SERVICES: Final = ("registration", "meetings", "notifications", "recommendations")
HOST: Final = "127.0.0.1"
LONGEST_SOCKET_PATH: Final = 100  # bytes; the system's limit is 108 with what supervisord appends


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Where everything of one installation is found."""

    home: Path
    port_offset: int = 0
    mongodb_given: str | None = None  # a MongoDB of the user's own instead of the embedded one
    kafka_given: str | None = None
    coalition: str = "dfwg"

    @classmethod
    def current(cls, *, port_offset: int | None = None) -> Self:
        """The installation in VETIKA_HOME as the last `up` left it; the environment and arguments go first.

        UserError when the port offset is not a number or moves a port out of range.
        """
        folder = home()
        kept = _kept(folder)
        if port_offset is None:
            port_offset = _number(os.environ.get("VETIKA_PORT_OFFSET"), otherwise=kept.get("port_offset", 0))
        if not -min(PORTS.values()) + 1024 <= port_offset <= 65535 - max(PORTS.values()):
            raise UserError(f"A port offset of {port_offset} moves ports out of range: take 0 to 46000.")
        return cls(
            home=folder,
            port_offset=port_offset,
            mongodb_given=os.environ.get("VETIKA_MONGODB_URI") or kept.get("mongodb_given"),
            kafka_given=os.environ.get("VETIKA_KAFKA_BOOTSTRAP") or kept.get("kafka_given"),
            coalition=os.environ.get("VETIKA_COALITION") or kept.get("coalition", "dfwg"),
        )

    @classmethod
    def kept_in(cls, folder: Path) -> Self:
        """The installation as the last `up` left it, whatever the environment says now."""
        kept = _kept(folder)
        return cls(home=folder, port_offset=_number(None, otherwise=kept.get("port_offset", 0)))

    def port(self, name: str) -> int:
        """The port of a process or server of `PORTS`."""
        return PORTS[name] + self.port_offset

    @property
    def wanted_ports(self) -> Mapping[str, int]:
        """Every port that an embedded run binds, by the name of what binds it."""
        given = {
            "mongod": self.mongodb_given,
            "kafka": self.kafka_given,
            "kafka-controller": self.kafka_given,
        }
        return {name: self.port(name) for name in PORTS if given.get(name) is None}

    def address(self, name: str) -> str:
        """The base URL of what listens on the port of `name`: a service (its API), `mailbox`, `phone`."""
        return f"http://{HOST}:{self.port(f'{name}-api' if name in SERVICES else name)}"

    @property
    def mongodb_uri(self) -> str:
        """The connection string for the services."""
        return self.mongodb_given or f"mongodb://{HOST}:{self.port('mongod')}/?directConnection=true"

    @property
    def kafka_bootstrap(self) -> str:
        """Kafka's address for clients."""
        return self.kafka_given or f"{HOST}:{self.port('kafka')}"

    @property
    def secrets(self) -> Path:
        """The folder of keys and secrets."""
        return self.home / "secrets"

    @property
    def run(self) -> Path:
        """The folder of what holds while it runs: the supervisor's configuration and socket."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self.home / "logs"

    @property
    def socket(self) -> Path:
        """The supervisor's socket; moved to the temporary folder where the path would be too long for one."""
        path = self.run / "supervisor.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
        name = sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"vetika-{os.getuid()}-{name}.sock"

    def keep(self) -> None:
        """Remember what was chosen, for the commands that come after `up`."""
        self.run.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        text = json.dumps(
            {
                "port_offset": self.port_offset,
                "mongodb_given": self.mongodb_given,
                "kafka_given": self.kafka_given,
                "coalition": self.coalition,
            }
        )
        path = self.run / "installation.json"
        path.touch(mode=0o600)
        path.write_text(text)

    def forget(self) -> None:
        """Let the next `up` choose anew."""
        (self.run / "installation.json").unlink(missing_ok=True)


def _kept(folder: Path) -> dict[str, Any]:
    path = folder / "run" / "installation.json"
    try:
        kept: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return kept


def _number(text: str | None, *, otherwise: object) -> int:
    try:
        return int(str(otherwise)) if text is None else int(text)
    except ValueError as error:
        raise UserError(f"VETIKA_PORT_OFFSET must be a whole number, not {text!r}.") from error
