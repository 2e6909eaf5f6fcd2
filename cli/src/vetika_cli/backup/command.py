"""`vetika backup`, `journal`, `restore` and `rebuild`."""

import argparse
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vetika_cli.backup.ground import at_rest, ground, known
from vetika_cli.errors import UserError
from vetika_cli.installation import SERVICES
from vetika_kit.backup import archive, sealing
from vetika_kit.backup.commands import moment
from vetika_kit.backup.errors import BackupError
from vetika_kit.backup.files import whole
from vetika_kit.backup.joining import JournalOf, joined, last_word
from vetika_kit.events import rfc3339

SUFFIX: Final = ".vetika-backup"


def backup(arguments: argparse.Namespace) -> int:
    """Write a backup of each service into a folder, or show what backups say of themselves."""
    if arguments.what[:1] == ["show"]:
        return _show(arguments)
    if arguments.to is None:
        raise UserError("Say where to: `./vetika backup --to FOLDER`.")
    services = [known(service) for service in arguments.what or SERVICES]
    with _said_plainly():
        sealing.recipients_of(arguments.recipient)  # before anything is written
    place, folder = ground(arguments), Path(arguments.to)
    folder.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for service in services:
        file = folder / f"{service}-{at}{SUFFIX}{'.age' if arguments.recipient else ''}"
        recipients = [part for one in arguments.recipient for part in ("--recipient", one)]
        with whole(file) as output:
            _finish(place.begin(service, "backup", "--to", "-", *recipients, stdout=output))
            output.flush()
            if not arguments.recipient:
                _check(Path(output.name))
        print(f"{service}: {file} ({file.stat().st_size:,} bytes)")
    return 0


def journal(arguments: argparse.Namespace) -> int:
    """Keep every change of a service's database beside its backups, until interrupted."""
    folder = Path(arguments.to)
    folder.mkdir(parents=True, exist_ok=True)
    recipients = [part for one in arguments.recipient for part in ("--recipient", one)]
    return ground(arguments).journal(known(arguments.service), folder, *recipients)


def restore(arguments: argparse.Namespace) -> int:
    """Put a backup in place, opened and joined with its journal here: no key enters a container."""
    service = known(arguments.service)
    if arguments.until is not None and arguments.journal is None:
        raise UserError("--until needs --journal.")
    place = ground(arguments)
    with _said_plainly(arguments.source), _frames(arguments, service) as frames:
        flags = [
            flag
            for flag, given in (
                ("--replace", arguments.replace),
                ("--without-stream", arguments.without_stream),
            )
            if given
        ]
        with at_rest(place, service, stop=arguments.stop):
            work = place.begin(service, "restore", "-", *flags, stdin=subprocess.PIPE)
            _feed(work, frames)
    return 0


def rebuild(arguments: argparse.Namespace) -> int:
    """Let a service read again what it must."""
    service = known(arguments.service)
    place = ground(arguments)
    with at_rest(place, service, stop=arguments.stop):
        _finish(place.begin(service, "rebuild", *(["--all"] if arguments.everything else [])))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    files = arguments.what[1:]
    if not files:
        raise UserError("Say which: `./vetika backup show FILE`.")
    for name in files:
        with _said_plainly(name), _opened(Path(name), arguments.identity) as frames:
            header = archive.Header.of(next(frames))
            documents = sum(len(frame["documents"]) for frame in frames if frame["kind"] == "documents")
        ends = sum(sum(state["ends"].values()) for state in header.streams.values())
        print(f"{name}: whole, {documents} documents")
        print(f"  of         {header.service} {header.version} in {header.coalition}")
        print(f"  taken at   {rfc3339(header.taken_at)}, cluster time {header.cluster_time}")
        print(f"  topics     {len(header.streams)} known, {ends} events before the backup")
        for position in header.positions:
            print(f"  position   {position['topic']}/{position['partition']} at {position['offset']}")
    return 0


@contextmanager
def _frames(arguments: argparse.Namespace, service: str) -> Iterator[Iterator[archive.Frame]]:
    """Open what is to be restored, and refuse what is of another service before anything is stopped."""
    source = Path(arguments.source)
    with _opened(source, arguments.identity) as checked:
        header = archive.Header.of(next(checked))
        if header.service != service:
            raise UserError(f"{source} is of {header.service}, not of {service}.")
        for _ in checked:  # to its end, which proves it
            pass
    with _opened(source, arguments.identity) as frames:
        if arguments.journal is None:
            yield frames
            return
        kept = JournalOf(
            folder=Path(arguments.journal),
            identities=sealing.identities_in(_path(arguments.identity)),
            until=None if arguments.until is None else _moment(arguments.until),
        )
        word = last_word(kept, service=service, coalition=header.coalition)
        print(f"The journal was last written at {'no time' if word is None else rfc3339(word)}.")
        yield joined(frames, kept)


@contextmanager
def _opened(file: Path, identity: str | None) -> Iterator[Iterator[archive.Frame]]:
    identities = sealing.identities_in(_path(identity))
    with file.open("rb") as source, sealing.opened(source, identities=identities) as opened:
        yield archive.read(opened)


@contextmanager
def _said_plainly(name: str | None = None) -> Iterator[None]:
    """Turn what is wrong with a backup into one sentence."""
    try:
        yield
    except BackupError as error:
        sentence = f"{name}: {error}" if name else str(error)
        raise UserError(f"{sentence}.") from error
    except FileNotFoundError as error:
        raise UserError(f"There is no file {error.filename}.") from error


def _check(file: Path) -> None:
    """Read a backup to its end, so that a torn one is found today and not on the day it is needed."""
    with _said_plainly(file.name), _opened(file, None) as frames:
        for _ in frames:
            pass


def _feed(work: "subprocess.Popen[bytes]", frames: Iterator[archive.Frame]) -> None:
    if work.stdin is None:
        raise RuntimeError("the work was begun without stdin")
    listener = _Listener(work)
    try:
        with suppress(BrokenPipeError):  # it ended before: what it said tells why
            sealing.seal(archive.written(frames), work.stdin)
            work.stdin.close()
    except BaseException:
        listener.kill()  # without the archive's end it changes nothing
        with suppress(BrokenPipeError):
            work.stdin.close()
        raise
    listener.finish()


def _finish(work: "subprocess.Popen[bytes]") -> None:
    _Listener(work).finish()


class _Listener:
    """Hears what a work says: words go to the operator, log lines do not."""

    def __init__(self, work: "subprocess.Popen[bytes]") -> None:
        self._work = work
        self._words: list[str] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        if self._work.stderr is None:
            return
        with self._work.stderr as said:
            for line in said:
                text = line.decode("utf-8", "replace").rstrip()
                if text and not text.startswith("{"):
                    self._words.append(text)

    def kill(self) -> None:
        """End it as a crash would."""
        self._work.kill()
        self._work.wait()
        self._thread.join()

    def finish(self) -> None:
        """Wait for its end; UserError with its last word when it failed."""
        status = self._work.wait()
        self._thread.join()
        if status:
            words = self._words or [f"it ended with status {status} and said nothing"]
            raise UserError(words[-1])
        for word in self._words:
            print(word, file=sys.stderr)


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def _moment(text: str) -> datetime:
    try:
        return moment(text)
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise UserError(f"--until: {error}.") from error
