"""`vetika doctor`."""

import argparse
import sys

from vetika_cli import machine
from vetika_cli.embedded.jars import fetched
from vetika_cli.installation import Installation
from vetika_cli.supervision import Supervisor


def doctor(arguments: argparse.Namespace) -> int:
    """Look at everything that `up` needs, change nothing; 1 when something is lacking."""
    installation = Installation.current(port_offset=arguments.port_offset)
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
