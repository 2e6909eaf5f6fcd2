"""`vetika demo`: bring everything up, play a forum, show what came of it."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from vetika_cli.caller import Caller
from vetika_cli.demo.play import Play
from vetika_cli.demo.report import show
from vetika_cli.installation import Installation
from vetika_cli.keys import Keys
from vetika_cli.places import checkout
from vetika_cli.running import start


def main(argv: Sequence[str]) -> int:
    """Play the forum *Decentralization and Gender*; each run announces one of its own."""
    parser = argparse.ArgumentParser(prog="vetika demo", description=main.__doc__, allow_abbrev=False)
    parser.add_argument(
        "--port-offset", type=int, metavar="N", help="add N to every port (also VETIKA_PORT_OFFSET)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=checkout() / "data",
        help="a folder with organizations.csv and participants.csv (default: data/)",
    )
    arguments = parser.parse_args(argv)
    installation = Installation.current(port_offset=arguments.port_offset)
    console = Console(highlight=False)
    start(installation, say=console.print)
    token = Keys(installation).token(roles=["secretariat"])
    play = Play(
        secretariat=Caller(installation.address, token=token),
        anybody=Caller(installation.address),
        data=arguments.data,
        console=console,
    )
    forum_id, imported = play.run()
    show(play.secretariat, forum_id=forum_id, imported=imported, installation=installation, console=console)
    return 0
