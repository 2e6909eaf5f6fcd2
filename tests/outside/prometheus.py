"""A real Prometheus that looks at a platform, where this machine has one (Debian: package `prometheus`)."""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

PLACES = "/usr/bin:/usr/local/bin:/usr/sbin"


def found(program: str) -> str | None:
    """Return where a program of Prometheus is, or None."""
    return shutil.which(program) or shutil.which(program, path=PLACES)


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """A running one."""

    url: str

    def get(self, path: str, **query: str) -> Any:
        """Return the data of an answer of its HTTP API.

        Raises:
            AssertionError: It refuses; the message is its own.
        """
        answer = requests.get(f"{self.url}/api/v1/{path}", params=query, timeout=20)
        body: dict[str, Any] = answer.json()
        assert body["status"] == "success", body.get("error")
        return body["data"]

    def value(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate an expression now."""
        result: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return result

    def up(self) -> dict[str, bool]:
        """Say which targets answered the last time they were asked, by service and process."""
        targets = self.get("targets", state="active")["activeTargets"]
        return {
            f"{target['labels']['service']}-{target['labels']['process']}": target["health"] == "up"
            for target in targets
        }


@contextmanager
def watching(folder: Path, *, config: Mapping[str, Any]) -> Iterator[Prometheus]:
    """Run a Prometheus on a configuration while a block runs."""
    program = found("prometheus")
    if program is None:
        raise FileNotFoundError("prometheus")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Prometheus(url=f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(timeout=20)
