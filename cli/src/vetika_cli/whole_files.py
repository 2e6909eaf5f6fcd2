"""Files that are whole or not there: written beside, then put in place."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file whole or not at all, for its owner alone until it has its mode."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")  # mkstemp makes mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(mode)
    Path(name).rename(path)
