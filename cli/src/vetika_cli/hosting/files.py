"""Files of a rendered folder: what is to be there, how that differs from what is, and writing it.

Files that containers mount can be read by all, because the users in containers are others than the host's:
what protects them is the organization's folder, which only its owner may enter.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

from vetika_cli.whole_files import write_whole

READABLE: Final = 0o644
OWNER_ONLY: Final = 0o600
FOLDER: Final = 0o700


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The text that a file is to have."""

    text: str
    secret: bool = False  # never shown


@dataclass(frozen=True, kw_only=True)
class Change:
    """One file that is not as it is to be."""

    path: Path  # below the folder of all organizations
    before: str | None  # None: it is not there
    after: str | None  # None: it is to go
    secret: bool = False

    def lines(self) -> Iterator[str]:
        """Yield the change as a person reads it; of a secret only that it changes."""
        done = "new" if self.before is None else "gone" if self.after is None else "changed"
        yield f"{done:<8} {self.path}{' (secret, not shown)' if self.secret else ''}"
        if not self.secret and self.before is not None and self.after is not None:
            difference = unified_diff(
                self.before.splitlines(), self.after.splitlines(), "before", "after", lineterm="", n=2
            )
            yield from (f"    {line}" for line in difference)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """Everything that is to lie below one folder.

    `owned` are folders in which nothing else may lie: what a rendering no longer makes there goes away.
    `gone` are files that have moved elsewhere.
    """

    files: Mapping[Path, Wanted]
    owned: Sequence[Path] = ()
    gone: Sequence[Path] = ()

    def changes(self, folder: Path) -> list[Change]:
        """Compare with what lies in a folder."""
        found = []
        for path, wanted in sorted(self.files.items()):
            before = _text(folder / path)
            if before != wanted.text:
                found.append(Change(path=path, before=before, after=wanted.text, secret=wanted.secret))
        inside = [one.relative_to(folder) for owned in self.owned for one in (folder / owned).rglob("*")]
        found += [
            Change(path=path, before=_text(folder / path), after=None)
            for path in sorted({*inside, *self.gone})
            if path not in self.files and (folder / path).is_file()
        ]
        return found


def bring_about(folder: Path, changes: Sequence[Change]) -> None:
    """Write, or take away, what differs."""
    for change in changes:
        path = folder / change.path
        if change.after is None:
            path.unlink()
            _remove_if_empty(path.parent, within=folder)
        else:
            _make_folders(folder, change.path.parent)
            write_whole(path, change.after, mode=_mode(change))


def _private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(FOLDER)


def _make_folders(folder: Path, below: Path) -> None:
    _private_folder(folder)
    _private_folder(folder / below.parts[0])
    (folder / below).mkdir(parents=True, exist_ok=True)


def _mode(change: Change) -> int:
    """Containers read the files of `secrets/`, as users that the host does not know."""
    return OWNER_ONLY if change.secret and "secrets" not in change.path.parts else READABLE


def _remove_if_empty(folder: Path, *, within: Path) -> None:
    while folder != within and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
