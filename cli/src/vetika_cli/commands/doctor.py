"""`vetika doctor`."""

import argparse
import sys

from vetika_cli.errors import UserError
from vetika_cli.installation import Installation


def doctor(arguments: argparse.Namespace) -> int:
    """Look at everything that `up` needs, change nothing; 1 when something is lacking.

    With `--upgrade`: look at what would stop an upgrade of what runs; 1 when something does.
    """
    if arguments.upgrade:
        from vetika_cli.upgrade.command import look  # noqa: PLC0415 - brings what the other look does without

        return look(arguments)
    if arguments.compose or arguments.report or arguments.json:
        raise UserError("--compose, --report and --json go with --upgrade.")
    return _machine(Installation.current(port_offset=arguments.port_offset))


def _machine(installation: Installation) -> int:
    # Imported here: where the embedded servers are not installed, an upgrade can be looked at all the same.
    from vetika_cli import machine  # noqa: PLC0415
    from vetika_cli.embedded.jars import fetched  # noqa: PLC0415
    from vetika_cli.supervision import Supervisor  # noqa: PLC0415

    print(f"good  Python {sys.version.split()[0]} in {sys.prefix}")
    lacks = list(machine.lacks(installation))
    if not lacks:
        print("good  processor, libraries and disk can carry the embedded MongoDB")
    if installation.kafka_given is None:
        print(
            "good  Kafka is fetched" if fetched() else "note  Kafka will be fetched by the first `up` (43 MB)"
        )
    if Supervisor(installation).running:
        print("good  Vetika is up")
    else:
        wanted = installation.wanted_ports
        taken = list(machine.taken_ports(wanted))
        lacks += taken
        if not taken:
            print(f"good  all {len(wanted)} ports are free")
    for lack in lacks:
        print(f"BAD   {lack}")
    return 1 if lacks else 0
