"""The embedded run, as backup and restore see it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vetika_cli.backup.ground import NOT_UP, Output, until_interrupted
from vetika_cli.errors import UserError
from vetika_cli.installation import Installation
from vetika_cli.processes import Kind, processes
from vetika_cli.supervision import ENVIRONMENT, PASSED_ON, Supervisor


class Embedded:
    """The embedded run of this machine."""

    def __init__(self, installation: Installation) -> None:
        self._supervisor = Supervisor(installation)
        if not self._supervisor.running:
            raise UserError(NOT_UP)
        self._processes = {
            process.name: process for process in processes(installation) if process.kind is Kind.SERVICE
        }

    def begin(
        self,
        service: str,
        *arguments: str,
        stdin: Output = subprocess.DEVNULL,
        stdout: Output = subprocess.DEVNULL,
    ) -> "subprocess.Popen[bytes]":
        """Begin `python -m SERVICE …` with the settings of its worker."""
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", service, *arguments],
            env=self._environment(service),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def journal(self, service: str, folder: Path, *arguments: str) -> int:
        """Keep a journal until interrupted; return its status."""
        command = [sys.executable, "-m", service, "journal", "--to", str(folder), *arguments]
        return until_interrupted(subprocess.Popen(command, env=self._environment(service)))  # noqa: S603 - as above

    def running(self, service: str) -> list[str]:
        """Return which processes of a service run."""
        return [
            state.name
            for state in self._supervisor.states()
            if state.name.startswith(f"{service}-") and state.state not in ("STOPPED", "EXITED", "FATAL")
        ]

    def stop(self, names: Sequence[str]) -> None:
        """Stop processes, and wait."""
        self._supervisor.stop_processes(names)

    def start(self, names: Sequence[str]) -> None:
        """Start them again."""
        for name in names:
            self._supervisor.start_process(name)

    def _environment(self, service: str) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        own = self._processes[f"{service}-worker"].environment
        return {**passed_on, **ENVIRONMENT, **own, "VETIKA_PROBE_PORT": "0"}
