"""What is already published: the contracts as the project's main branch has them."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

from vetika_cli.contracts.files import Folder

# What landed is what others may have built on; before the first landing, what was committed.
_REFERENCES = ("refs/remotes/origin/main", "HEAD")


def reference(checkout: Path) -> str | None:
    """Return the commit to compare with by default, or None where there is no history."""
    return next((name for name in _REFERENCES if _git(checkout, "rev-parse", "--verify", "-q", name)), None)


def published(checkout: Path, *, reference: str) -> Folder:
    """Return `contracts/` as of a commit.

    Raises:
        ValueError: There is no such commit.
    """
    if not _git(checkout, "rev-parse", "--verify", "-q", f"{reference}^{{commit}}"):
        raise ValueError(f"there is no commit {reference!r} in this checkout")
    archive = _git(checkout, "archive", "--format=tar", reference, "contracts")
    texts: dict[PurePosixPath, str] = {}
    if archive:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                path = PurePosixPath(member.name).relative_to("contracts")
                if path.suffix in {".json", ".yaml"} and (content := tar.extractfile(member)) is not None:
                    texts[path] = content.read().decode()
    return Folder(texts=texts)


def _git(checkout: Path, *arguments: str) -> bytes:
    """Run git; nothing comes back where it fails, is missing or finds no repository."""
    if (git := shutil.which("git")) is None:
        return b""
    done = subprocess.run([git, "-C", str(checkout), *arguments], capture_output=True, check=False)  # noqa: S603 # fixed arguments
    return done.stdout if done.returncode == 0 else b""
