"""`vetika hosting apply`: the job that makes Kafka's users and rights as the rendered files say."""

import argparse
from pathlib import Path

from kafka.errors import KafkaError

from vetika_cli.errors import UserError
from vetika_cli.hosting import scram
from vetika_cli.hosting.applying import bring_about
from vetika_cli.hosting.rights import RightsFile
from vetika_cli.installation import Installation
from vetika_cli.topology import BOOTSTRAP_SECONDS, kafka_access, require_kafka
from vetika_kit import kafka_clients


def apply(arguments: argparse.Namespace) -> int:
    """Give and take what differs, and print it; again changes nothing."""
    try:
        rights = RightsFile.from_yaml(_text(arguments.rights))
        verifiers = scram.from_json(_text(arguments.verifiers))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{arguments.rights} or {arguments.verifiers} cannot be used: {error}.") from error
    access = kafka_access(Installation.current())
    addresses = ",".join(access.kafka_bootstrap)
    require_kafka(addresses)
    try:
        admin = kafka_clients.admin(access, client_id="vetika-rights", bootstrap_seconds=BOOTSTRAP_SECONDS)
        try:
            count = bring_about(rights, verifiers=verifiers, admin=admin, say=print)
        finally:
            admin.close()
    except KafkaError as error:
        raise UserError(f"Kafka at {addresses} does not let its rights be looked after ({error}).") from error
    print(f"{count} changes." if count else "Everybody has the rights of the file; nothing was changed.")
    return 0


def _text(path: Path) -> str:
    if not path.is_file():
        raise UserError(
            f"There is no {path}: `./vetika hosting render` makes it, in the folder of Kafka's host."
        )
    return path.read_text("utf-8")
