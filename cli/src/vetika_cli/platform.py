"""Every process of an installation as a child of this one, so that tests and benchmarks can kill any of them.

The processes, their settings and their keys are those of `./vetika up`; only the supervisor is missing.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Final, Self

from vetika_cli.caller import Caller
from vetika_cli.embedded import KafkaServer, MongoServer
from vetika_cli.installation import HOST, PORTS, SERVICES, Installation
from vetika_cli.keys import Keys
from vetika_cli.processes import Kind, Process, kafka_server, mongo_server, processes
from vetika_cli.topology import align_topics, kafka_access

READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0


class Platform:
    """A whole Vetika on free ports, in a folder and a coalition of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        mongodb_uri: str | None = None,
        kafka_bootstrap: str | None = None,
        coalition: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Choose ports; nothing is started yet.

        Args:
            folder: For everything that it keeps.
            mongodb_uri: A replica set; without one, an embedded mongod is started.
            kafka_bootstrap: ``host:port``; without one, an embedded Kafka is started.
            coalition: Its short name; without one, a fresh one.
            environment: Settings that every process is given besides its own.
        """
        self.installation = Installation(
            home=folder,
            port_offset=_free_offset(),
            mongodb_given=mongodb_uri,
            kafka_given=kafka_bootstrap,
            coalition=coalition or f"t{secrets.token_hex(4)}",
        )
        self.keys = Keys(self.installation)
        self._extra = dict(environment or {})
        self._known: dict[str, Process] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._servers: dict[str, MongoServer | KafkaServer] = {}
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        """Make folders, keys and, where none are given, the servers."""
        self.installation.home.mkdir(parents=True, exist_ok=True)
        self.installation.keep()
        self.installation.logs.mkdir(parents=True, exist_ok=True)
        self.keys.ensure()
        self._known = {process.name: process for process in processes(self.installation)}
        for process in self._known.values():
            if process.kind is Kind.INFRASTRUCTURE:
                self._start_server(process.name)
        align_topics(kafka_access(self.installation))
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything: the services first, then what they stand on."""
        self.stop(*self._running)
        self._resources.close()

    @property
    def names(self) -> list[str]:
        """Every process that there can be, infrastructure left out."""
        return [name for name, process in self._known.items() if process.kind is not Kind.INFRASTRUCTURE]

    @property
    def running(self) -> list[str]:
        """Every process that was started here and neither stopped nor ended by itself."""
        return [name for name, running in self._running.items() if running.poll() is None]

    def server(self, name: str) -> MongoServer | KafkaServer:
        """Return the embedded ``mongod`` or ``kafka``; one that was given is nobody's here to stop."""
        return self._servers[name]

    def start(self, *names: str, environment: Mapping[str, str] | None = None) -> None:
        """Start processes (all of them when none is named) and wait until they are ready."""
        chosen = names or tuple(self.names)
        for name in chosen:
            self._run(name, self._known[name].command, environment or {})
        self.wait_ready(*chosen)

    def start_unready(self, *names: str) -> None:
        """Start processes that will not become ready, and do not wait."""
        for name in names:
            self._run(name, self._known[name].command, {})

    def start_from(self, entry: Path, name: str, *, environment: Mapping[str, str] | None = None) -> None:
        """Start a process through a Python file instead of its module; it may end before it is ready.

        The file is given the same arguments. It is how a test makes a process die at one exact line.
        """
        module_command = self._known[name].command
        self._run(name, (sys.executable, str(entry), *module_command[3:]), environment or {})

    def wait_ready(self, *names: str) -> None:
        """Wait until processes do their work.

        Raises:
            RuntimeError: One ended or takes too long; the message ends with what it said last.
        """
        for name in names:
            self._wait_ready(self._known[name])

    def wait_ended(self, name: str, *, seconds: float = READY_SECONDS) -> int:
        """Wait until a process ends by itself; return its status, ``-9`` after SIGKILL."""
        status = self._running[name].wait(seconds)
        del self._running[name]
        return status

    def kill(self, *names: str) -> None:
        """End processes, and their children, with SIGKILL."""
        ending = [self._running.pop(name) for name in names]
        for running in ending:
            with suppress(ProcessLookupError):  # it was faster
                os.killpg(running.pid, signal.SIGKILL)
        for running in ending:
            running.wait(STOP_SECONDS)

    def stop(self, *names: str) -> None:
        """End processes with SIGTERM, and wait."""
        ending = [(name, self._running.pop(name)) for name in names]
        for _, running in ending:
            running.terminate()
        for _, running in ending:
            try:
                running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait(STOP_SECONDS)

    def pid(self, name: str) -> int:
        """Return the process id of what runs under a name."""
        return self._running[name].pid

    def environment(self, name: str) -> dict[str, str]:
        """Return the whole environment of a process, for work of its service that is run beside it."""
        return {**_plain_environment(), **self._known[name].environment, **self._extra}

    def log(self, name: str) -> str:
        """Return what a process has said so far."""
        return (self.installation.logs / f"{name}.log").read_text(errors="replace")

    def url(self, name: str) -> str:
        """Return the base URL of a service's API, of `mailbox` or of `phone`."""
        return self.installation.address(name)

    def caller(self, *roles: str, organization_id: str | None = None) -> Caller:
        """Return somebody who calls the APIs in these roles; without roles, anybody."""
        token = self.keys.token(roles=roles, organization_id=organization_id) if roles else None
        caller = Caller(self.url, token=token)
        self._resources.callback(caller.close)
        return caller

    def _start_server(self, name: str) -> None:
        server = mongo_server(self.installation) if name == "mongod" else kafka_server(self.installation)
        self._servers[name] = server
        self._resources.enter_context(server)

    def _run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._running[name] = subprocess.Popen(  # noqa: S603 - the project's own processes
            command,
            env={**self.environment(name), **environment},
            stdout=self._log(name),
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that a kill takes gunicorn's workers with it
        )

    def _log(self, name: str) -> IO[bytes]:
        return self._resources.enter_context((self.installation.logs / f"{name}.log").open("ab"))

    def _wait_ready(self, process: Process) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(process.ready_url):
            if self._running[process.name].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.name} is not ready: {self.log(process.name)[-2000:]}")
            time.sleep(0.05)


def _plain_environment() -> dict[str, str]:
    """The environment without settings that were meant for somebody else."""
    return {name: value for name, value in os.environ.items() if not name.startswith("VETIKA_")}


def _answers(url: str | None) -> bool:
    if url is None:
        return True
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
    except (urllib.error.URLError, OSError):
        return False


def _free_offset() -> int:
    """Return an offset that makes every port of an installation a free one."""
    while True:
        offset = 1000 + secrets.randbelow(10_000)
        if all(_free(port + offset) for port in PORTS.values()):
            return offset


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


__all__ = ["SERVICES", "Caller", "Platform"]
