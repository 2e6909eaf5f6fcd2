"""One organization's rendered folder as a running compose project."""

import json
import os
import subprocess
from pathlib import Path


class HostingOrganization:
    """What its operator does in its folder, and what somebody in one of its containers could."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that was rendered; nothing is started."""
        self.folder = folder

    def compose(self, *arguments: str, timeout: float = 600) -> str:
        """Run `docker compose` in the folder and return what it printed; fails with all that it said."""
        # What this machine has set for itself is not meant for the containers.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VETIKA_")}
        done = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise AssertionError(
                f"docker compose {' '.join(arguments)}: {done.stdout}\n{done.stderr[-6000:]}"
            )
        return done.stdout

    def down(self) -> None:
        """Leave nothing of it."""
        self.compose("down", "--volumes", "--remove-orphans")

    def container(self, service: str) -> str:
        """The id of a service's container."""
        return self.compose("ps", "-a", "-q", service).strip()

    def addresses(self, service: str) -> list[str]:
        """The addresses of a service's container in all its networks."""
        command = ["docker", "inspect", self.container(service)]
        (found,) = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return [network["IPAddress"] for network in found["NetworkSettings"]["Networks"].values()]

    def python_in(self, service: str, lines: str) -> tuple[int, str]:
        """Run Python in a service's container, as its user; return the status and all that it said."""
        done = subprocess.run(
            ["docker", "exec", self.container(service), "python", "-c", lines],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr
