"""One docker compose project: started, looked into, and crashed from outside."""

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vetika_cli.caller import Caller
from vetika_cli.credentials import Credentials
from vetika_cli.keys import private_key, signed
from vetika_cli.places import checkout
from vetika_cli.ports import free_port

# What the Dockerfiles and the compose file stand on. A run never waits for a pull that nobody asked for.
IMAGES = ("python:3.12-slim", "mongo:8.0", "apache/kafka:4.1.1", "nginx:1.28", "axllent/mailpit:v1.27")
PATIENCE = 300  # seconds for everything to become healthy on a slow machine


@cache
def why_not() -> str | None:
    """Say why nothing can be run in containers here; None when it can."""
    if os.environ.get("VETIKA_TEST_DOCKER") == "0":
        return "VETIKA_TEST_DOCKER=0 says not to use Docker"
    try:
        subprocess.run(["docker", "compose", "version"], check=True, capture_output=True, timeout=30)
        subprocess.run(["docker", "info"], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "no Docker engine with compose answers"
    found = subprocess.run(
        ["docker", "image", "inspect", *IMAGES], capture_output=True, check=False, timeout=30
    )
    if found.returncode != 0 and os.environ.get("VETIKA_TEST_DOCKER") != "1":
        return f"Docker lacks some of {', '.join(IMAGES)}; VETIKA_TEST_DOCKER=1 lets it fetch them"
    return None


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container of a project."""

    id: str
    service: str
    pid: int  # of its first process, as this machine sees it
    state: Mapping[str, Any]

    @property
    def healthy(self) -> bool:
        """Whether its health check says so."""
        return bool(self.state.get("Health", {}).get("Status") == "healthy")


class Deployment:
    """The platform of `docker-compose.yml` under a project name, with ports and secrets of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        files: Sequence[Path] = (),
    ) -> None:
        """Make secrets and settings; nothing is started.

        Args:
            folder: For secrets and settings.
            settings: Changes to `.env.example`.
            files: Compose files; the checkout's own when there are none.
        """
        self.project = f"vetika-test-{secrets.token_hex(3)}"
        self.folder = folder
        self.files = tuple(files) or (checkout() / "docker-compose.yml",)
        self.port, self.mailbox_port, self.phone_port = free_port(), free_port(), free_port()
        self.credentials = Credentials(folder / "secrets")
        self.credentials.ensure()
        self.settings = {
            "VETIKA_SECRETS": str(folder / "secrets"),
            "VETIKA_URL": f"http://localhost:{self.port}",
            "VETIKA_PORT": str(self.port),
            "VETIKA_MAILBOX_PORT": str(self.mailbox_port),
            "VETIKA_PHONE_PORT": str(self.phone_port),
            **(settings or {}),
        }
        self._open = ExitStack()

    @property
    def env_file(self) -> Path:
        """The settings as a file: the example with what is other here."""
        lines = [
            line
            for line in (checkout() / ".env.example").read_text("utf-8").splitlines()
            if line.partition("=")[0] not in self.settings
        ]
        lines += [f"{name}={value}" for name, value in self.settings.items()]
        path = self.folder / ".env"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def compose(
        self, *arguments: str, check: bool = True, timeout: float = 600, overlays: Sequence[Path] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` for this project; fails with all that it said."""
        command = ["docker", "compose", "-p", self.project, "--env-file", str(self.env_file)]
        command += ["--project-directory", str(checkout())]
        for file in (*self.files, *overlays):
            command += ["-f", str(file)]
        # What this machine has set for itself is not meant for the containers.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VETIKA_")}
        done = subprocess.run(
            [*command, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"docker compose {' '.join(arguments)}: {done.stdout}\n{done.stderr}")
        return done

    def up(
        self, *services: str, scale: Mapping[str, int] | None = None, overlays: Sequence[Path] = ()
    ) -> None:
        """Start (everything, when nothing is named) and wait until all of it is healthy."""
        scaling = [part for name, count in (scale or {}).items() for part in ("--scale", f"{name}={count}")]
        waiting = ["--wait", "--wait-timeout", str(PATIENCE)]
        done = self.compose("up", "-d", *waiting, *scaling, *services, check=False, overlays=overlays)
        if done.returncode != 0:
            raise AssertionError(
                f"{done.stderr[-3000:]}\n{self.compose('logs', '--tail', '15').stdout[-9000:]}"
            )

    def down(self, *, volumes: bool) -> None:
        """Stop and remove the containers; with their volumes nothing is left of the project."""
        self.compose("down", "--remove-orphans", *(["--volumes"] if volumes else []), overlays=())
        if volumes:
            self._open.close()

    def containers(self, *services: str) -> list[Container]:
        """The running containers of services (of all, when none is named)."""
        ids = self.compose("ps", "-q", *services).stdout.split()
        if not ids:
            return []
        found = json.loads(
            subprocess.run(["docker", "inspect", *ids], check=True, capture_output=True).stdout
        )
        return [
            Container(
                id=one["Id"],
                service=one["Config"]["Labels"]["com.docker.compose.service"],
                pid=one["State"]["Pid"],
                state=one["State"],
            )
            for one in found
        ]

    def crash(self, container: Container) -> None:
        """Kill a container's first process from outside, which Docker takes for what it is: a crash."""
        os.kill(container.pid, signal.SIGKILL)

    def run_in(self, container: Container, *command: str) -> str:
        """Run something in a container and return what it printed."""
        done = subprocess.run(
            ["docker", "exec", container.id, *command],
            capture_output=True,
            text=True,
            check=True,
            timeout=180,
        )
        return done.stdout

    def url(self, service: str) -> str:
        """The public base URL of a service, or of the phone."""
        if service == "phone":
            return f"http://127.0.0.1:{self.phone_port}"
        return f"{self.settings['VETIKA_URL']}/{service}"

    def caller(self, *roles: str) -> Caller:
        """Somebody who calls the services through the gateway; without roles, anybody."""
        token = None
        if roles:
            token = signed(private_key(self.credentials.signing_key), roles=roles, subject="-".join(roles))
        caller = Caller(self.url, token=token)
        self._open.callback(caller.close)
        return caller

    def events(self) -> list[dict[str, Any]]:
        """Every event that a partner could read, by the tools' own command."""
        said = self.compose("run", "--rm", "-T", "tools", "events", "--from-start").stdout
        return [json.loads(line) for line in said.splitlines()]
