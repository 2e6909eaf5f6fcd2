"""Where services run, as backup and restore see it: the embedded run, or containers of a compose project."""

import argparse
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from vetika_cli.errors import UserError
from vetika_cli.installation import SERVICES, Installation

Output = int | IO[bytes]
NOT_UP: Final = "Vetika is not up: `./vetika up` starts it (or say --compose for what runs in containers)."


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
        from vetika_cli.backup.containers import Containers  # noqa: PLC0415 - stands on this module

        return Containers(arguments)
    if arguments.file or arguments.project_name or arguments.project_directory:
        raise UserError("-f, -p and --project-directory belong to --compose.")
    try:
        from vetika_cli.backup.embedded import Embedded  # noqa: PLC0415 - brings the embedded servers
    except ModuleNotFoundError:  # who only runs containers has not installed them
        raise UserError(NOT_UP) from None
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


@contextmanager
def told_to_end() -> Iterator[None]:
    """Let a supervisor's SIGTERM end a block as Ctrl-C does, with KeyboardInterrupt."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def until_interrupted(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a process, and let it end in order when this one is interrupted or told to end; its status."""
    try:
        with told_to_end():
            return process.wait()
    except KeyboardInterrupt:
        process.terminate()  # a terminal tells both, a supervisor only this one
        return process.wait()
