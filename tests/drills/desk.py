"""An operator's desk: a platform, and the works of its services."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from vetika_cli.platform import Platform
from vetika_kit.backup.upkeep import OF_THE_LIVING, STAGED

ALL = ("meetings", "registration", "notifications", "recommendations")


@dataclass(frozen=True, kw_only=True)
class Drill:
    """A platform with its operator at the keyboard."""

    platform: Platform
    folder: Path

    def work(self, service: str, *arguments: str, succeeds: bool = True) -> str:
        """Run `SERVICE backup|restore|…` as its container would; return what it said."""
        done = self.begin(service, *arguments)
        _, said = done.communicate(timeout=120)
        assert (done.returncode == 0) is succeeds, said.decode()
        return said.decode()

    def begin(self, service: str, *arguments: str, through: Path | None = None) -> subprocess.Popen[bytes]:
        """Begin it, and do not wait; `through` is a Python file that runs the service's `main`."""
        entry = ("-m", service) if through is None else (str(through),)
        return subprocess.Popen(
            [sys.executable, *entry, *arguments],
            env={**self.platform.environment(f"{service}-worker"), "VETIKA_PROBE_PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def backup(self, service: str, *arguments: str) -> Path:
        """Make a backup of today."""
        file = self.folder / f"{service}-{len(list(self.folder.iterdir()))}.backup"
        self.work(service, "backup", "--to", str(file), *arguments)
        return file

    def state(self, service: str) -> dict[str, dict[Any, Any]]:
        """Everything that a service knows: by collection, by id."""
        with MongoClient(self.platform.installation.mongodb_uri, tz_aware=True) as client:
            database = client[self.database(service)]
            return {
                name: {document["_id"]: document for document in database[name].find()}
                for name in sorted(database.list_collection_names())
                if name not in OF_THE_LIVING and not name.startswith(STAGED)
            }

    def destroy(self, service: str) -> None:
        """Lose a service's database."""
        self.stop(service)
        with MongoClient(self.platform.installation.mongodb_uri) as client:
            client.drop_database(self.database(service))

    def stop(self, service: str) -> None:
        """Stop a service's processes."""
        self.platform.stop(*(name for name in self.platform.running if name.startswith(f"{service}-")))

    def start(self, service: str) -> None:
        """Start a service's processes."""
        self.platform.start(*(name for name in self.platform.names if name.startswith(f"{service}-")))

    def database(self, service: str) -> str:
        """The name of a service's database."""
        return f"{self.platform.installation.coalition}_{service}"

    def is_journalled(self) -> bool:
        """Whether the journals have written nothing for a second: then they have it all."""
        size = self._journalled()
        time.sleep(1)
        return size == self._journalled()

    def _journalled(self) -> int:
        return sum(file.stat().st_size for file in (self.folder / "journal").glob("*"))
