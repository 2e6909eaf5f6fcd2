"""What can be typed after `vetika`: every command, its options and its help.

Only the standard library is imported here, so that the help can be read before anything is installed and
a command pays only for what it imports itself.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from vetika_cli.backup.arguments import backup
from vetika_cli.hosting.arguments import hosting, partner

PASSED_ON: Final = ("contracts", "demo")  # these read their own arguments

ROLES: Final = ("participant", "organization", "secretariat", "operator", "partner")

Configure = Callable[[argparse.ArgumentParser], None]


def parser() -> argparse.ArgumentParser:
    """Return the parser; a parsed command carries `run`, the "module:function" that does it."""
    top = argparse.ArgumentParser(
        prog="vetika",
        description="The platform on which a working group of many organizations runs its forums.",
        epilog="`vetika COMMAND --help` tells more of a command.",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(metavar="COMMAND", dest="command", required=True)

    def command(name: str, run: str, text: str, configure: Configure = lambda _: None) -> None:
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(run=run)
        configure(sub)

    command("demo", "vetika_cli.demo:main", "Play a whole forum on example data, and show what came of it.")
    command("up", "vetika_cli.commands.lifecycle:up", "Start Kafka, MongoDB and every process.", _up)
    command("down", "vetika_cli.commands.lifecycle:down", "Stop everything; the data stays.", _down)
    command("status", "vetika_cli.commands.status:status", "Show the processes: state, memory, lag.", _json)
    command("logs", "vetika_cli.commands.logs:logs", "Show what the processes wrote.", _logs)
    command("inbox", "vetika_cli.commands.looking:inbox", "Read the e-mails that left.", _messages)
    command("phone", "vetika_cli.commands.looking:phone", "Read the SMS that left.", _messages)
    command(
        "events",
        "vetika_cli.commands.events:events",
        "Show the events that partners see, as JSON lines.",
        _events,
    )
    command("token", "vetika_cli.commands.tokens:token", "Make an access token for the APIs.", _token)
    command(
        "topics",
        "vetika_cli.commands.topics:topics",
        "Create the Kafka topics that are missing, and give all of them the contracts' settings.",
        _topics,
    )
    command(
        "mongodb-setup",
        "vetika_cli.commands.databases:setup",
        "Make a service's MongoDB a replica set, and its user; used by docker-compose.yml.",
        _mongodb_setup,
    )
    command(
        "secrets",
        "vetika_cli.commands.credentials:make",
        "Make the secrets of a deployment with docker compose; those that are there stay.",
        _secrets,
    )
    command(
        "test", "vetika_cli.commands.quality:test", "Run the tests; further arguments go to pytest.", _test
    )
    command(
        "bench", "vetika_cli.commands.quality:bench", "Run the benchmarks (all when none is named).", _bench
    )
    command("contracts", "vetika_cli.contracts:main", "Write the published contracts, or --check them.")
    command(
        "check", "vetika_cli.commands.quality:check", "Run the static checks: ruff, mypy, imports, contracts."
    )
    hosting(commands)
    partner(commands)
    command(
        "doctor",
        "vetika_cli.commands.doctor:doctor",
        "Look whether this machine can run Vetika, or what would stop an upgrade.",
        _doctor,
    )
    backup(command)
    return top


def _offset(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--port-offset",
        type=int,
        metavar="N",
        help="add N to every port (also VETIKA_PORT_OFFSET); kept until the next `up` that says otherwise",
    )


def _up(sub: argparse.ArgumentParser) -> None:
    _offset(sub)
    sub.epilog = (
        "VETIKA_MONGODB_URI and VETIKA_KAFKA_BOOTSTRAP name servers of your own instead of the embedded "
        "ones. VETIKA_HOME moves data, secrets and logs away from .vetika/."
    )


def _down(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--purge",
        action="store_true",
        help="also remove data, secrets, mails and logs (not the downloaded Kafka)",
    )


def _json(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="as JSON, for programs")


def _logs(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("process", nargs="?", help="as `vetika status` names it, or a part of it; default: all")
    sub.add_argument("-f", "--follow", action="store_true", help="go on as more is written")
    sub.add_argument("-n", "--lines", type=int, default=40, help="lines of each to begin with (%(default)s)")


def _messages(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("action", nargs="?", choices=["list", "show"], default="list")
    sub.add_argument("number", nargs="?", type=int, help="which one to show; default: the latest")
    sub.add_argument("--to", help="only those to this address or number")
    sub.add_argument(
        "-n", "--limit", type=int, default=20, help="how many of the latest to list (%(default)s)"
    )
    _json(sub)


def _events(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--from-start", action="store_true", help="from the first event that is kept")
    sub.add_argument("--follow", action="store_true", help="go on as more happens")
    sub.add_argument("-n", "--last", type=int, default=10, help="else begin with the last N (%(default)s)")


def _mongodb_setup(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("service", help="whose database and user")
    sub.add_argument("--host", required=True, metavar="HOST:PORT", help="as the service will know it")
    for name in ("--root-password", "--password"):
        sub.add_argument(
            name, type=Path, metavar="FILE", help=f"default: /run/secrets/mongodb-{name.removeprefix('--')}"
        )


def _secrets(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--to",
        type=Path,
        default=Path(__file__).resolve().parents[3] / "secrets",
        metavar="FOLDER",
        help="default: %(default)s",
    )


def _topics(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--replication", type=int, default=1, metavar="N", help="copies of each new topic (%(default)s)"
    )


def _token(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--role", action="append", required=True, choices=ROLES, help="may be given more than once"
    )
    sub.add_argument(
        "--organization", metavar="ID", help="the organization that the role `organization` acts for"
    )
    sub.add_argument("--subject", help="who it is for; no personal data (default: the role)")
    sub.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="sign with this key (a deployment's secrets/tokens/signing-key.json), not the embedded run's",
    )
    sub.add_argument("--hours", type=float, default=12, help="how long it is good for (%(default)s)")


def _test(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--all", action="store_true", help="also the slow drills")


def _bench(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("name", nargs="*", help="a script of bench/, without .py")


def _doctor(sub: argparse.ArgumentParser) -> None:
    _offset(sub)
    sub.add_argument("--upgrade", action="store_true", help="look at what would stop an upgrade of what runs")
    where = sub.add_mutually_exclusive_group()
    where.add_argument("--compose", action="store_true", help="with --upgrade: a project of docker compose")
    where.add_argument(
        "--report",
        type=Path,
        action="append",
        metavar="FILE",
        help="with --upgrade: what `SERVICE check` printed elsewhere; once for each service",
    )
    sub.add_argument("-f", "--file", action="append", metavar="FILE", help="of docker compose")
    sub.add_argument("-p", "--project-name", metavar="NAME", help="of docker compose")
    sub.add_argument("--project-directory", metavar="FOLDER", help="of docker compose")
    sub.add_argument("--json", action="store_true", help="with --upgrade: as JSON, for programs")
