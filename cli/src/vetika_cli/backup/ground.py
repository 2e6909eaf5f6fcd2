"""Where services run, as backup and restore see it: the embedded run, or containers of a compose project."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from vetika_cli.errors import UserError
from vetika_cli.installation import SERVICES, Installation
from vetika_cli.processes import Kind, processes
from vetika_cli.supervision import ENVIRONMENT, PASSED_ON, Supervisor

Output = int | IO[bytes]
_JOURNAL: Final = "/journal"  # where a container finds the folder


class Ground(Protocol):
    """Where a service's works are run, and its processes are stopped and started."""

    def begin(
        self, service: str, *arguments: str, stdin: Output = ..., stdout: Output = ...
    ) -> "subprocess.Popen[bytes]":
        """Begin a work of a service; what it says comes on stderr."""

    def journal(self, service: str, folder: Path, *arguments: str) -> int:
        """Keep a journal until interrupted; return its status."""

    def running(self, service: str) -> list[str]:
        """Return which processes of a service run."""

    def stop(self, names: Sequence[str]) -> None:
        """Stop processes, and wait."""

    def start(self, names: Sequence[str]) -> None:
        """Start them again."""


def ground(arguments: argparse.Namespace) -> Ground:
    """Return where the command is to work; UserError when it cannot."""
    if arguments.compose:
        return Compose(arguments)
    if arguments.file or arguments.project_name or arguments.project_directory:
        raise UserError("-f, -p and --project-directory belong to --compose.")
    return Embedded(Installation.current())


def known(service: str) -> str:
    """Return a service's name; UserError when there is none of it."""
    if service not in SERVICES:
        raise UserError(f"There is no service {service!r}: {', '.join(SERVICES)}.")
    return service


@contextmanager
def at_rest(place: Ground, service: str, *, stop: bool) -> Iterator[None]:
    """Let no process of a service run while a block does; UserError when one does and may not be stopped."""
    names = place.running(service)
    if names and not stop:
        raise UserError(
            f"{', '.join(names)} run: say --stop to have them stopped for this and started again after it."
        )
    place.stop(names)
    try:
        yield
    finally:
        # A database that is half restored lets none of them in.
        place.start(names)


class Embedded:
    """The embedded run of this machine."""

    def __init__(self, installation: Installation) -> None:
        self._supervisor = Supervisor(installation)
        if not self._supervisor.running:
            raise UserError(
                "Vetika is not up: `./vetika up` starts it (or say --compose for what runs in containers)."
            )
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
        return _until_interrupted(subprocess.Popen(command, env=self._environment(service)))  # noqa: S603 - as above

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


class Compose:
    """The containers of a compose project."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        docker = shutil.which("docker")
        if docker is None:
            raise UserError("docker is not installed here: leave --compose away for the embedded run.")
        self._command = [docker, "compose"]
        for file in arguments.file:
            self._command += ["--file", file]
        if arguments.project_name:
            self._command += ["--project-name", arguments.project_name]
        if arguments.project_directory:
            self._command += ["--project-directory", arguments.project_directory]

    def begin(
        self,
        service: str,
        *arguments: str,
        stdin: Output = subprocess.DEVNULL,
        stdout: Output = subprocess.DEVNULL,
    ) -> "subprocess.Popen[bytes]":
        """Begin a container of the worker's kind that does this work and goes."""
        return subprocess.Popen(  # noqa: S603 - the command is ours
            [*self._command, "run", "--rm", "--no-deps", "-T", f"{service}-worker", *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def journal(self, service: str, folder: Path, *arguments: str) -> int:
        """Keep a journal until interrupted; return its status."""
        mounted = ["--volume", f"{folder.resolve()}:{_JOURNAL}"]
        work = [f"{service}-worker", "journal", "--to", _JOURNAL, *arguments]
        return _until_interrupted(
            subprocess.Popen([*self._command, "run", "--rm", "--no-deps", "-T", *mounted, *work])  # noqa: S603 - as above
        )

    def running(self, service: str) -> list[str]:
        """Return which services of the project run processes of a service; its database is none of them."""
        listed = self._do("ps", "--services", "--status", "running").splitlines()
        return [
            name
            for name in listed
            if name.startswith(f"{service}-") and not name.startswith(f"{service}-mongodb")
        ]

    def stop(self, names: Sequence[str]) -> None:
        """Stop containers, and wait."""
        if names:
            self._do("stop", *names)

    def start(self, names: Sequence[str]) -> None:
        """Start them again."""
        if names:
            self._do("start", *names)

    def _do(self, *arguments: str) -> str:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - as above
        if done.returncode:
            words = done.stderr.strip().splitlines() or ["it said nothing"]
            raise UserError(f"docker compose {arguments[0]}: {words[-1]}")
        return done.stdout


def _until_interrupted(process: "subprocess.Popen[bytes]") -> int:
    try:
        return process.wait()
    except KeyboardInterrupt:  # the terminal told it too
        return process.wait()
