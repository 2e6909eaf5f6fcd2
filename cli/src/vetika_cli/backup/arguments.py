"""What can be typed after `vetika backup`, `journal`, `restore` and `rebuild`; only the standard library."""

import argparse
from collections.abc import Callable
from typing import Any


def backup(command: Callable[..., Any]) -> None:
    """Add the four commands.

    Args:
        command: Adds one: its name, the function that does it, its help, and what configures its parser.
    """
    command(
        "backup",
        "vetika_cli.backup.command:backup",
        "Back up the services' databases, or show a backup.",
        _backup,
    )
    command(
        "journal", "vetika_cli.backup.command:journal", "Keep every change of a service's database.", _journal
    )
    command("restore", "vetika_cli.backup.command:restore", "Put a service's backup in place.", _restore)
    command(
        "rebuild",
        "vetika_cli.backup.command:rebuild",
        "Make a service's copies again from the topics.",
        _rebuild,
    )


def _compose(sub: argparse.ArgumentParser) -> None:
    group = sub.add_argument_group("where it runs (default: the embedded run of this machine)")
    group.add_argument("--compose", action="store_true", help="in containers, by `docker compose run`")
    group.add_argument("--project-directory", metavar="DIR", help="as docker compose has it")
    group.add_argument("-p", "--project-name", metavar="NAME", help="as docker compose has it")
    group.add_argument(
        "-f", "--file", action="append", default=[], metavar="FILE", help="as docker compose has it"
    )


def _recipient(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--recipient",
        action="append",
        default=[],
        metavar="AGE1…",
        help="encrypt for this age public key; may be given more than once",
    )


def _stop(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--stop",
        action="store_true",
        help="stop the service's processes for it, and start them again after it",
    )


def _backup(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("what", nargs="*", metavar="SERVICE", help="default: all four; or `show FILE…`")
    sub.add_argument("--to", metavar="FOLDER", help="where to write the backups")
    _recipient(sub)
    sub.add_argument("--identity", metavar="FILE", help="with show: the age identity that opens it")
    _compose(sub)


def _journal(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("service", metavar="SERVICE")
    sub.add_argument("--to", required=True, metavar="FOLDER", help="where to keep it; until Ctrl-C")
    _recipient(sub)
    _compose(sub)


def _restore(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("service", metavar="SERVICE")
    sub.add_argument("--from", dest="source", required=True, metavar="FILE", help="the backup")
    sub.add_argument(
        "--identity", metavar="FILE", help="the age identity that opens it; never leaves this machine"
    )
    sub.add_argument("--journal", metavar="FOLDER", help="bring back what its journal knows too")
    sub.add_argument(
        "--until", metavar="TIME", help="with --journal: nothing after this, e.g. 2027-03-10T08:00:00+07:00"
    )
    sub.add_argument("--replace", action="store_true", help="put it in the place of what is there")
    sub.add_argument(
        "--without-stream", action="store_true", help="take nothing back from the service's own topics"
    )
    _stop(sub)
    _compose(sub)


def _rebuild(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("service", metavar="SERVICE")
    sub.add_argument(
        "--all",
        dest="everything",
        action="store_true",
        help="read again all that the topics keep, not only what was lost",
    )
    _stop(sub)
    _compose(sub)
