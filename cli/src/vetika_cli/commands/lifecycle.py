"""`vetika up` and `vetika down`."""

import argparse
import shutil

from vetika_cli.installation import SERVICES, Installation
from vetika_cli.running import start, stop


def up(arguments: argparse.Namespace) -> int:
    """Start everything, wait until it is ready, and say where it is."""
    installation = Installation.current(port_offset=arguments.port_offset)
    start(installation, say=lambda text: print(text, flush=True))
    print(addresses(installation))
    return 0


def addresses(installation: Installation) -> str:
    """Where everything is found, one line each."""
    rows = [(f"{service} API", f"{installation.address(service)}/docs") for service in SERVICES]
    rows += [
        ("mailbox", installation.address("mailbox")),
        ("phone", installation.address("phone")),
        ("Kafka", installation.kafka_bootstrap),
        ("MongoDB", installation.mongodb_uri if installation.mongodb_given is None else "as given"),
        ("data and logs", str(installation.home)),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {place}" for name, place in rows)


def down(arguments: argparse.Namespace) -> int:
    """Stop everything; with `--purge`, remove what it kept."""
    installation = Installation.current()
    stopped = stop(installation)
    print("Everything is stopped." if stopped else "Nothing was running.")
    if arguments.purge:
        for name in ("mongod", "kafka", "mail", "phone", "secrets", "logs", "run"):
            shutil.rmtree(installation.home / name, ignore_errors=True)
        print(f"Data, secrets, mails and logs in {installation.home} are removed.")
    return 0
