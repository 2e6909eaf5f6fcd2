"""The supervisor: supervisord, its configuration, and the calls over its socket."""

import os
import shlex
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from supervisor.xmlrpc import SupervisorTransport

from vetika_cli.errors import UserError
from vetika_cli.installation import Installation
from vetika_cli.processes import Process

STATES_OF_REST: Final = ("STOPPED", "EXITED", "FATAL")
# Malloc keeps memory for each thread that ever asked; two such pools are enough for these processes.
ENVIRONMENT: Final = {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}
PASSED_ON: Final = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")

HEAD: Final = """\
[unix_http_server]
file={socket}
chmod=0700

[supervisord]
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile={run}/supervisord.pid
childlogdir={logs}
directory={home}
umask=077
minfds=1024

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

# A process that dies is started again at once, and after every further death a second later.
PROGRAM: Final = """
[program:{name}]
command={command}
environment={environment}
directory={home}
autostart=false
autorestart=true
startsecs=1
startretries=100
stopwaitsecs={stop_seconds}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


@dataclass(frozen=True, kw_only=True)
class State:
    """How a process is doing."""

    name: str
    state: str  # supervisord's: RUNNING, STARTING, BACKOFF, STOPPING, STOPPED, EXITED, FATAL
    pid: int | None
    since: float | None  # seconds since the epoch
    why: str  # supervisord's words where it does not run


class Supervisor:
    """The supervisor of one installation, whether it runs or not."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    @property
    def running(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Error):
            return False

    def start(self, processes: Iterable[Process], *, timeout: float = 15) -> None:
        """Start supervisord itself; it starts no process yet. UserError when it does not come up."""
        installation = self._installation
        for folder in (installation.run, installation.logs):
            folder.mkdir(parents=True, exist_ok=True)
        installation.socket.unlink(missing_ok=True)
        path = installation.run / "supervisord.conf"
        path.touch(mode=0o600)
        path.write_text(configuration(installation, processes))
        log = installation.logs / "supervisord.out"
        with log.open("wb") as output:
            started = subprocess.run(  # noqa: S603 - the command is ours
                [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A process sees its own settings only: what else the user exported stays outside.
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ} | ENVIRONMENT,
                check=False,
            )
        deadline = time.monotonic() + timeout
        while started.returncode == 0 and not self.running:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            if started.returncode == 0:
                return
        words = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise UserError(
            f"The supervisor did not start ({words[-1]}); see {installation.logs}/supervisord.log."
        )

    @property
    def pid(self) -> int:
        """The id of supervisord's own process; OSError when it does not run."""
        pid: int = self._call("getPID")
        return pid

    def start_process(self, name: str) -> None:
        """Start a process and return at once."""
        with suppress(xmlrpc.client.Fault):  # it was already started
            self._call("startProcess", name, False)

    def states(self) -> list[State]:
        """All processes, in the order of their start."""
        rows: list[Mapping[str, Any]] = self._call("getAllProcessInfo")
        return [
            State(
                name=row["name"],
                state=row["statename"],
                pid=row["pid"] or None,
                since=row["start"] or None,
                why=row["spawnerr"] or ("" if row["statename"] == "RUNNING" else row["description"]),
            )
            for row in rows
        ]

    def stop_processes(self, names: Iterable[str], *, timeout: float = 60) -> None:
        """Stop the processes named, all at once, and wait; supervisord and the others go on."""
        some = set(names)
        deadline = time.monotonic() + timeout
        for name in some:
            with suppress(xmlrpc.client.Fault):  # it was not running
                self._call("stopProcess", name, False)
        while any(state.state not in STATES_OF_REST for state in self.states() if state.name in some):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)

    def stop(self, names: Iterable[str], *, timeout: float = 60) -> None:
        """Stop the processes named, all at once; then what is left, all at once; then supervisord."""
        first = set(names)
        deadline = time.monotonic() + timeout
        everything = {state.name for state in self.states()}
        # Told to shut down, supervisord itself would stop one process after the other, a second each.
        for some in (first, everything - first):
            self.stop_processes(some, timeout=deadline - time.monotonic())
        pid = self.pid
        self._call("shutdown")
        while _alive(pid):
            if time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.05)

    def _call(self, method: str, *arguments: object) -> Any:
        # A connection each: the transport cannot be used again after a failure.
        transport = SupervisorTransport(None, None, f"unix://{self._installation.socket}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)


def configuration(installation: Installation, processes: Iterable[Process]) -> str:
    """What supervisord reads. A `%` is its escape character and is doubled."""
    places = {
        name: _escaped(str(path))
        for name, path in (
            ("home", installation.home),
            ("logs", installation.logs),
            ("run", installation.run),
            ("socket", installation.socket),
        )
    }
    programs = (
        PROGRAM.format(
            name=process.name,
            command=_escaped(shlex.join(process.command)),
            environment=",".join(
                f'{name}="{_value(value)}"' for name, value in sorted(process.environment.items())
            ),
            stop_seconds=process.stop_seconds,
            **places,
        )
        for process in processes
    )
    return HEAD.format(**places) + "".join(programs)


def _value(text: str) -> str:
    # supervisord takes quotation marks off both ends, however many there are.
    if text.strip("'") != text:
        raise UserError("A setting that begins or ends with a quotation mark must be given as VARIABLE_FILE.")
    return _escaped(text)


def _escaped(text: str) -> str:
    if any(forbidden in text for forbidden in ('"', "\n", " ;", " #")):
        raise UserError(
            f"{text[:40]!r}… has a character that cannot be given to a process: rename the folder, or put "
            "the setting into a file and name that in VARIABLE_FILE."
        )
    return text.replace("%", "%%")


def left_behind(installation: Installation) -> list[int]:
    """Processes of this installation whose supervisor is gone or deaf, and that one itself, by pid."""
    mark = f"SUPERVISOR_SERVER_URL=unix://{installation.socket}".encode()
    configured_by = os.fsencode(installation.run / "supervisord.conf")
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes().split(b"\0")
            if mark in environment or configured_by in command:
                found.append(int(entry.name))
        except OSError:  # gone meanwhile, or somebody else's
            continue
    return found


def end(pids: Iterable[int], *, timeout: float = 20) -> None:
    """End processes in order; kill those that have not ended after `timeout` seconds."""
    waiting = list(pids)
    for pid in waiting:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while waiting := [pid for pid in waiting if _alive(pid)]:
        if time.monotonic() > deadline:
            for pid in waiting:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
