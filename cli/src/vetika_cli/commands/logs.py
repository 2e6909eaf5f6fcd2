"""`vetika logs`."""

import argparse
import time
from collections import deque
from pathlib import Path

from vetika_cli.errors import UserError
from vetika_cli.installation import Installation

POLL = 0.2  # seconds between looks at files that are followed


def logs(arguments: argparse.Namespace) -> int:
    """Print the last lines of the logs, each with its process when there are several."""
    installation = Installation.current()
    files = sorted(installation.logs.glob("*.log"))
    if arguments.process:
        exact = [file for file in files if file.stem == arguments.process]
        files = exact or [file for file in files if arguments.process in file.stem]
        if not files:
            known = ", ".join(file.stem for file in sorted(installation.logs.glob("*.log"))) or "none yet"
            raise UserError(f"No process named {arguments.process!r} has a log; there are: {known}.")
    if not files:
        raise UserError(f"There are no logs in {installation.logs}: run `./vetika up` first.")
    followed = [_Followed(file, prefix=f"{file.stem} | " if len(files) > 1 else "") for file in files]
    try:
        for one in followed:
            one.show_last(arguments.lines)
        while arguments.follow:
            time.sleep(POLL)
            for one in followed:
                one.show_new()
    finally:
        for one in followed:
            one.close()
    return 0


class _Followed:
    """One log file, read on from where it was left, also over a rotation."""

    def __init__(self, path: Path, *, prefix: str) -> None:
        self._path = path
        self._prefix = prefix
        self._file = path.open(errors="replace")

    def show_last(self, lines: int) -> None:
        for line in deque(self._file, maxlen=max(lines, 0)):
            self._show(line)

    def show_new(self) -> None:
        for line in self._file:
            self._show(line)
        try:
            rotated = self._path.stat().st_ino != Path(f"/proc/self/fd/{self._file.fileno()}").stat().st_ino
        except OSError:
            return
        if rotated:
            self._file.close()
            self._file = self._path.open(errors="replace")

    def close(self) -> None:
        self._file.close()

    def _show(self, line: str) -> None:
        print(f"{self._prefix}{line.rstrip()}", flush=True)
