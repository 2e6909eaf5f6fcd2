"""What can be typed after `vetika hosting` and `vetika partner`; the standard library alone is needed."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from vetika_cli.places import checkout

Configure: TypeAlias = Callable[[argparse.ArgumentParser], None]


def hosting(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `hosting` and its actions."""
    text = "Share the hosting among several organizations: a folder for each, certificates, rights in Kafka."
    command = commands.add_parser("hosting", help=text, description=text, allow_abbrev=False)
    actions = command.add_subparsers(metavar="ACTION", required=True)

    def action(name: str, run: str, text: str, configure: Configure) -> None:
        sub = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(run=f"vetika_cli.hosting.{run}")
        configure(sub)

    action("render", "commands:render", "Write a folder for each organization and partner.", _render)
    action("apply", "rights_job:apply", "Give and take rights in Kafka as a file says.", _apply)
    action("rotate", "commands:rotate", "Give a user of Kafka a new password.", _rotate)
    action("renew", "commands:renew", "Issue the certificates anew, or replace the authority.", _renew)


def _files(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--file",
        type=Path,
        default=checkout() / "deploy" / "hosting" / "hosting.yml",
        help="who hosts what (default: deploy/hosting/hosting.yml)",
    )
    sub.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        default=checkout() / "hosting",
        help="the folder of all organizations' folders (default: hosting/)",
    )


def _render(sub: argparse.ArgumentParser) -> None:
    _files(sub)
    sub.add_argument(
        "--check",
        action="store_true",
        help="change nothing; show what would change, and end with 1 if anything",
    )


def _apply(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--rights", type=Path, required=True, help="the rendered kafka/rights.yml")
    sub.add_argument(
        "--verifiers", type=Path, required=True, help="the rendered secrets/kafka/verifiers.json"
    )
    sub.epilog = "VETIKA_KAFKA_BOOTSTRAP and the other VETIKA_KAFKA_… say how Kafka is reached."


def _rotate(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("user", help="as kafka/rights.yml names it")
    _files(sub)


def _renew(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--authority",
        choices=["prepare", "switch", "retire"],
        help="replace the authority in steps: all trust the next one; it signs; the former one is forgotten",
    )
    _files(sub)


def partner(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `partner` and its actions."""
    text = "Let a partner read events, or no more."
    command = commands.add_parser("partner", help=text, description=text, allow_abbrev=False)
    actions = command.add_subparsers(metavar="ACTION", required=True)
    text = "Name a partner in the hosting file; make its credentials and the page to hand over."
    add = actions.add_parser("add", help=text, description=text, allow_abbrev=False)
    add.set_defaults(run="vetika_cli.hosting.commands:add_partner")
    add.add_argument("name", help="lower-case letters, digits and hyphens")
    add.add_argument("--title", help="the name as people write it")
    add.add_argument("--topics", required=True, help="the services whose events it may read, by commas")
    text = "Take a partner out of the hosting file, and its rights away."
    remove = actions.add_parser("remove", help=text, description=text, allow_abbrev=False)
    remove.set_defaults(run="vetika_cli.hosting.commands:remove_partner")
    remove.add_argument("name")
    for sub in (add, remove):
        _files(sub)
