"""A process of the tests that migrates and dies by SIGKILL after its fifth batch, before it notes that.

migrating_until_death.py DATABASE
"""

import os
import signal
import sys
import threading

from pymongo import MongoClient

from vetika_kit.migrations import Migration, MigrationPolicy, Migrations

ONE_NAME = Migration(
    name="one-name",
    doc="The same as the test's.",
    collection="folk",
    old={"name": {"$exists": False}},
    apply=({"$set": {"name": {"$concat": ["$given", " ", "$family"]}}},),
)


def main(name):
    """Migrate, and die on the way."""
    client = MongoClient(os.environ["DYING_MONGODB_URI"], tz_aware=True, w="majority", journal=True)
    batches, note = [], Migrations._note

    def dies(self, record, changes):
        batches.append(changes)
        if len(batches) == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return note(self, record, changes)

    Migrations._note = dies
    policy = MigrationPolicy(batch=100, lease=2.0)
    Migrations(client[name], declared=[ONE_NAME], owner="dying", policy=policy).run(threading.Event())


if __name__ == "__main__":
    main(sys.argv[1])
