"""``SERVICE backup|restore|rebuild|journal``: what operators run beside the processes.

Words for the operator go to stderr; stdout belongs to a backup that is written to ``-``.
"""

import argparse
import io
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from kafka.errors import KafkaError
from pymongo.errors import PyMongoError

from vetika_kit.backup import archive, sealing, upkeep
from vetika_kit.backup.errors import BackupError
from vetika_kit.backup.files import whole
from vetika_kit.backup.joining import JournalOf, joined, last_word
from vetika_kit.backup.journal import Journal
from vetika_kit.backup.rebuild import Rebuild
from vetika_kit.backup.restore import Restore
from vetika_kit.backup.snapshot import snapshot
from vetika_kit.events import rfc3339
from vetika_kit.health import Health, coming_round
from vetika_kit.mongo import connection_name
from vetika_kit.processes import serving_probes

if TYPE_CHECKING:
    from vetika_kit.service import Context

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Work:
    """One-shot work of a service: its arguments and what it does; the status is 0, or 1 with a sentence."""

    help: str
    configure: Callable[[argparse.ArgumentParser], None]
    do: "Callable[[Context, argparse.Namespace], None]"

    def run(self, context: "Context", arguments: argparse.Namespace) -> int:
        """Do it, and say in one sentence what went wrong."""
        try:
            self.do(context, arguments)
        except (BackupError, OSError) as error:
            say(f"{context.service.name}: {error}")
        except (PyMongoError, KafkaError) as error:
            away = "MongoDB" if isinstance(error, PyMongoError) else "Kafka"
            say(f"{context.service.name}: {away} refused or was away ({type(error).__name__}: {error})")
        else:
            return 0
        return 1


def say(sentence: str) -> None:
    """Tell the operator."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - a person reads it


def moment(text: str) -> datetime:
    """Parse RFC 3339 with its offset from UTC."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} must say its offset, as in 2027-03-10T08:00:00+07:00")
    return parsed


def _configure_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", required=True, metavar="FILE", help="the file to write, or - for stdout")
    parser.add_argument(
        "--recipient", action="append", default=[], metavar="AGE1…", help="encrypt for this age public key"
    )


def _backup(context: "Context", arguments: argparse.Namespace) -> None:
    recipients = sealing.recipients_of(arguments.recipient)
    chunks = archive.written(snapshot(context))
    if arguments.to == "-":
        sealing.seal(chunks, sys.stdout.buffer, recipients=recipients)
        sys.stdout.buffer.flush()
        return
    with whole(Path(arguments.to)) as file:
        sealing.seal(chunks, file, recipients=recipients)


def _configure_restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a backup, or - for stdin")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="the age identity that opens it")
    parser.add_argument(
        "--journal", type=Path, metavar="FOLDER", help="bring back what its journal knows too"
    )
    parser.add_argument(
        "--until", type=moment, metavar="TIME", help="with --journal: nothing after this moment"
    )
    parser.add_argument("--replace", action="store_true", help="put it in the place of what is there")
    parser.add_argument(
        "--without-stream",
        action="store_true",
        help="take nothing back from the service's own topics, and hear nothing",
    )
    parser.add_argument(
        "--force", action="store_true", help="although processes of the service are connected"
    )


def _restore(context: "Context", arguments: argparse.Namespace) -> None:
    if arguments.until is not None and arguments.journal is None:
        raise BackupError("--until needs --journal")
    _refuse_while_at_work(context, force=arguments.force)
    identities = sealing.identities_in(arguments.identity)
    with _source(arguments.file) as source, sealing.opened(source, identities=identities) as opened:
        frames = archive.read(opened)
        if arguments.journal is not None:
            journal = JournalOf(folder=arguments.journal, identities=identities, until=arguments.until)
            frames = joined(frames, journal)
        restored = Restore(context).run(
            frames, replace=arguments.replace, from_stream=not arguments.without_stream
        )
    name = context.service.name
    say(f"{name}: as of {rfc3339(restored.header.taken_at)}: {restored.documents} documents")
    if arguments.journal is not None:
        known = last_word(journal, service=name, coalition=context.config.coalition)
        say(f"{name}: the journal was last written at {'no time' if known is None else rfc3339(known)}")
    if restored.changes:
        say(f"{name}: {restored.changes} changes from the journal")
    # What no topic tells the journal knew.
    _say_what_came_back(
        context, restored.taken_back, all_of_it=bool(restored.changes) or arguments.without_stream
    )
    if restored.halted is not None:
        say(
            f"{name}: not everything was heard that others told since: {restored.halted}; "
            f"./vetika rebuild {name}"
        )


def _configure_rebuild(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--all",
        dest="everything",
        action="store_true",
        help="read again all that the topics keep, not only what was lost",
    )
    parser.add_argument(
        "--force", action="store_true", help="although processes of the service are connected"
    )


def _rebuild(context: "Context", arguments: argparse.Namespace) -> None:
    _refuse_while_at_work(context, force=arguments.force)
    rebuilt = Rebuild(context).run(everything=arguments.everything)
    name = context.service.name
    for lost in rebuilt.lost:
        missed = "an unknown number of" if lost.missed is None else lost.missed
        say(f"{name}: {lost.id}: {missed} events are in nobody's log any more; it begins at {lost.begin}")
    say(f"{name}: {rebuilt.read_again} partitions are read again from their beginning")
    if arguments.everything:
        _say_what_came_back(context, rebuilt.taken_back, all_of_it=False)


def _configure_journal(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", required=True, type=Path, metavar="FOLDER", help="where its files are kept")
    parser.add_argument(
        "--recipient", action="append", default=[], metavar="AGE1…", help="encrypt for this age public key"
    )


def _journal(context: "Context", arguments: argparse.Namespace) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: context.stop.set())
    journal = Journal(context, arguments.to, recipients=tuple(arguments.recipient))
    with serving_probes(
        context, live=lambda: coming_round(journal.ticked_at), ready=lambda: Health(good=True)
    ):
        journal.run(context.stop)


def _refuse_while_at_work(context: "Context", *, force: bool) -> None:
    if force:
        return
    name = connection_name(context.config, service=context.service.name)
    found = upkeep.at_work(context.database, name=name)
    if found:
        raise BackupError(
            f"processes of it are connected to the database (from {', '.join(found[:3])}): stop its api, "
            "relay, worker and sender first"
        )


def _say_what_came_back(context: "Context", taken_back: Mapping[str, int], *, all_of_it: bool) -> None:
    name, recovery = context.service.name, context.service.recovery
    for what, count in sorted(taken_back.items()):
        say(f"{name}: from its own topics: {what}: {count}")
    if not all_of_it and recovery is not None:
        for line in recovery.lost:
            say(f"{name}: the topics cannot give back: {line}")


@contextmanager
def _source(name: str) -> Iterator[io.BufferedReader]:
    if name == "-":
        yield cast("io.BufferedReader", sys.stdin.buffer)
        return
    with Path(name).open("rb") as file:
        yield file


WORKS: Final[Mapping[str, Work]] = {
    "backup": Work(help="write a backup of the database", configure=_configure_backup, do=_backup),
    "restore": Work(help="put a backup in place", configure=_configure_restore, do=_restore),
    "rebuild": Work(
        help="make the copies again from what the topics keep", configure=_configure_rebuild, do=_rebuild
    ),
    "journal": Work(help="keep every change beside the backups", configure=_configure_journal, do=_journal),
}
