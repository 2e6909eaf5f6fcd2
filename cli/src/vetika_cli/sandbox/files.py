"""Messages kept as numbered files, written so that none is ever half there."""

import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path


class NumberedFiles:
    """Files `000001{suffix}`, `000002{suffix}`, … in one folder; safe for threads of one process."""

    def __init__(self, directory: Path, *, suffix: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._suffix = suffix
        self._lock = threading.Lock()
        self._last = max((number for number, _ in self), default=0)

    def __iter__(self) -> Iterator[tuple[int, Path]]:
        """All numbers with their files, in order."""
        pattern = re.compile(rf"(\d+){re.escape(self._suffix)}")
        found = ((pattern.fullmatch(path.name), path) for path in self._directory.iterdir())
        return iter(sorted((int(match[1]), path) for match, path in found if match))

    def path(self, number: int) -> Path:
        """The file of a number, whether it is there or not."""
        return self._directory / f"{number:06}{self._suffix}"

    def add(self, content: Callable[[int], bytes]) -> int:
        """Keep what `content` makes for the next number, for good, and return the number.

        OSError when the disk does not take it.
        """
        with self._lock:
            number = self._last + 1
            self.replace(number, content(number))
            self._last = number
        return number

    def replace(self, number: int, content: bytes) -> None:
        """Write the file of a number anew, at once."""
        descriptor, name = tempfile.mkstemp(dir=self._directory, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).rename(self.path(number))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
