"""`vetika topics`."""

import argparse
import sys

from vetika_cli.installation import Installation
from vetika_cli.topology import align_topics, declared_topics, kafka_access


def topics(arguments: argparse.Namespace) -> int:
    """Bring the topics to what the contracts say, and list them; 1 when something is left to people."""
    access = kafka_access(Installation.current())
    aligned = align_topics(access, replication=arguments.replication)
    for spec in declared_topics(access.coalition):
        kept = (
            "compacted"
            if spec.compacted
            else f"kept {spec.retention.days} days"
            if spec.retention
            else "kept"
        )
        done = "created" if spec.name in aligned.made else "is there"
        print(f"{done:<8}  {spec.name}  {spec.partitions} partitions, {kept}")
    for sentence in aligned.changed:
        print(f"changed   {sentence}")
    for sentence in aligned.left:
        print(f"BAD       {sentence}", file=sys.stderr)
    return 1 if aligned.left else 0
