"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from vetika_kit.backup.segments import sync_folder

PARTIAL: Final = ".partial"


def _for_the_owner(path: str, flags: int) -> int:
    """Open for the owner alone."""
    return os.open(path, flags, 0o600)


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Write a new file, for its owner's eyes only, that gets its name when all of it is on the disk.

    What a crash leaves is called ``….partial``, and the next try begins it anew.

    Raises:
        OSError: It cannot be written, or there is one of this name.
    """
    partial = path.with_name(path.name + PARTIAL)
    if path.exists():
        raise FileExistsError(f"{path} is there already")
    try:
        with open(partial, "wb", opener=_for_the_owner) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)  # unlike a renaming it never replaces one that came meanwhile
        sync_folder(path.parent)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
