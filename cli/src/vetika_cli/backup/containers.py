"""Containers of a compose project, as backup and restore see them."""

import argparse
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vetika_cli.backup.ground import Output, told_to_end
from vetika_cli.errors import UserError

_JOURNAL: Final = "/journal"  # where a container finds the folder


class Containers:
    """The containers of a compose project."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        docker = shutil.which("docker")
        if docker is None:
            raise UserError("docker is not installed here: leave --compose away for the embedded run.")
        self._docker = docker
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
        # Written as the operator, whose folder it is; the image's own user could not.
        mounted = ["--volume", f"{folder.resolve()}:{_JOURNAL}", "--user", f"{os.getuid()}:{os.getgid()}"]
        work = [f"{service}-worker", "journal", "--to", _JOURNAL, *arguments]
        # In the background, and followed: a `run` that is interrupted leaves its container running.
        container = self._do("run", "--detach", "--no-deps", "-T", *mounted, *work).strip()
        try:
            with told_to_end():
                subprocess.run([self._docker, "logs", "--follow", container], check=False)  # noqa: S603 - as above
        except KeyboardInterrupt:
            self._of_engine("stop", container)
        status = int(self._of_engine("inspect", "--format", "{{.State.ExitCode}}", container))
        self._of_engine("rm", container)
        return status

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

    def _of_engine(self, *arguments: str) -> str:
        done = subprocess.run([self._docker, *arguments], capture_output=True, text=True, check=True)  # noqa: S603 - as above
        return done.stdout.strip()
