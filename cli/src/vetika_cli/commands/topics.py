"""`vetika topics`."""

import argparse

from vetika_cli.installation import Installation
from vetika_cli.topology import create_missing_topics, declared_topics


def topics(_: argparse.Namespace) -> int:
    """Create the topics that are missing; list all with what was done."""
    installation = Installation.current()
    made = create_missing_topics(bootstrap=installation.kafka_bootstrap, coalition=installation.coalition)
    for spec in declared_topics(installation.coalition):
        kept = (
            "compacted"
            if spec.compacted
            else f"kept {spec.retention.days} days"
            if spec.retention
            else "kept"
        )
        done = "created" if spec.name in made else "is there"
        print(f"{done:<8}  {spec.name}  {spec.partitions} partitions, {kept}")
    return 0
