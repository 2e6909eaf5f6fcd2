"""`vetika status`."""

import argparse
import json
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final

from rich.console import Console
from rich.table import Table

from vetika_cli.installation import HOST, Installation
from vetika_cli.memory import memory_of
from vetika_cli.supervision import State, Supervisor

WATCHED: Final = {"mailbox": ("smtp", "mailbox"), "kafka": ("kafka",)}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One process as it is now."""

    process: str
    state: str
    pid: int | None
    uptime: float | None  # seconds
    memory: int | None  # bytes, of the process and all that it started, shared pages counted once
    port: str
    lag: int | None  # events that a worker has still to handle


def status(arguments: argparse.Namespace) -> int:
    """Show all processes; 1 when nothing runs or a process is not running."""
    installation = Installation.current()
    supervisor = Supervisor(installation)
    states = supervisor.states() if supervisor.running else []
    rows = [_row(installation, state) for state in states]
    if rows:
        rows.append(_supervisor_row(supervisor.pid))
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    elif rows:
        _show(rows)
    else:
        print("Nothing is running; `./vetika up` starts it.")
    return 0 if rows and all(row.state == "RUNNING" for row in rows) else 1


def _row(installation: Installation, state: State) -> Row:
    running = state.state == "RUNNING" and state.pid is not None
    names = WATCHED.get(state.name, (state.name,))
    return Row(
        process=state.name,
        state=state.state if not state.why or running else f"{state.state}: {state.why}",
        pid=state.pid,
        uptime=time.time() - state.since if running and state.since else None,
        memory=memory_of(state.pid) if running and state.pid else None,
        port=", ".join(str(installation.port(name)) for name in names),
        lag=_lag(installation.port(state.name)) if running and state.name.endswith("-worker") else None,
    )


def _supervisor_row(pid: int) -> Row:
    # It holds no memory of the others, though they are its children.
    return Row(
        process="supervisor",
        state="RUNNING",
        pid=pid,
        uptime=None,
        memory=memory_of(pid, family=False),
        port="",
        lag=None,
    )


def _lag(port: int) -> int | None:
    """What the worker's own probe says."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/livez", timeout=2) as answer:
            lag = json.load(answer).get("lag")
    except urllib.error.HTTPError as error:
        lag = json.load(error).get("lag")
    except (OSError, ValueError):
        return None
    return lag if isinstance(lag, int) else None


def _show(rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("process", "state"):
        table.add_column(name)
    for name in ("pid", "uptime", "memory", "port", "lag"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.process,
            row.state,
            str(row.pid or ""),
            "" if row.uptime is None else str(timedelta(seconds=int(row.uptime))),
            "" if row.memory is None else f"{row.memory / (1 << 20):.0f} MB",
            row.port,
            "" if row.lag is None else str(row.lag),
        )
    total = sum(row.memory or 0 for row in rows)
    table.add_row("", "", "", "", f"{total / (1 << 20):.0f} MB", "", "", style="bold")
    Console(soft_wrap=True).print(table)
