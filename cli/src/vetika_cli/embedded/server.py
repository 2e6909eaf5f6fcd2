"""What the embedded servers share: one child process in one directory, its log, its end."""

import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from vetika_cli.errors import UserError
from vetika_cli.ports import is_taken

POLL = 0.05  # seconds between two looks at a server that is starting


class NotReadyError(UserError):
    """The server ended or did not answer in time; the message holds the last lines of its log."""


class Server(ABC):
    """A server process that keeps all it has in `directory` and can be killed and started again there."""

    name: str  # of the program and its log
    title: str  # as people call it

    def __init__(self, *, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """The file with what the server wrote, appended to over restarts."""
        return self.directory / f"{self.name}.log"

    @property
    def pid(self) -> int:
        """The id of the running process; RuntimeError when it was not started here."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process started here is still alive."""
        return self._process is not None and self._process.poll() is None

    @abstractmethod
    def prepare(self) -> None:
        """Write what the server needs before its first start; changes nothing when it is there."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The program and arguments that run the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server does its work for clients now (not merely listens)."""

    def start(self, *, timeout: float = 60) -> Self:
        """Prepare, start and wait until the server is ready; NotReadyError after `timeout` seconds."""
        if self.running:
            return self
        if is_taken(self.port):
            # Else the other program's answers would be taken for ours.
            raise NotReadyError(f"{self.name} cannot start: another program uses port {self.port}.")
        self.prepare()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                # Ctrl-C in a terminal is for the one who started us; we stop the server in order.
                start_new_session=True,
            )
        try:
            self.wait_ready(timeout=timeout)
        except BaseException:
            self.kill()
            raise
        return self

    def wait_ready(self, *, timeout: float = 60) -> None:
        """Wait until the server answers; NotReadyError when it ends or `timeout` seconds pass."""
        deadline = time.monotonic() + timeout
        while not self.answers():
            if self._process is not None and self._process.poll() is not None:
                raise NotReadyError(
                    f"{self.name} ended with status {self._process.returncode}; {self.last_words()}"
                )
            if time.monotonic() > deadline:
                raise NotReadyError(f"{self.name} was not ready after {timeout:.0f} s; {self.last_words()}")
            time.sleep(POLL)

    def stop(self, *, timeout: float = 30) -> None:
        """End the process in order (SIGTERM); kill it when it has not ended after `timeout` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End the process as a crash would (SIGKILL); the data stays for the next `start`."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def last_words(self, *, lines: int = 12) -> str:
        """The end of the log, for an error message."""
        if not self.log.exists():
            return f"it wrote no log ({self.log})"
        tail = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"the end of {self.log}:", *tail])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
