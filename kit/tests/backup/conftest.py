"""A database with something in it, and what the backup of it is put into."""

import io
from dataclasses import replace

import pytest

from vetika_kit.backup import archive, sealing
from vetika_kit.backup.snapshot import snapshot


@pytest.fixture
def store(sample):
    """The sample's database, with people and an index of their own."""
    database = sample.database
    for name in database.list_collection_names():
        database.drop_collection(name)
    sample.service.prepare(database, coalition=sample.config.coalition, clock=sample.clock)
    people = database["people"]
    people.insert_many([{"_id": f"p{number}", "version": 1, "tags": ["a", "b", "c"]} for number in range(50)])
    people.create_index("tags", name="by_tag")
    database["notes"].insert_one({"_id": 1, "text": "វេទិកា", "nested": {"deep": [1, {"x": None}]}})
    return database


@pytest.fixture
def working(sample):
    """`working(name)`: the sample's context on a connection of its own, as a one-shot work has it."""
    made = []

    def open_(name):
        database = sample.service.database(sample.config, work=name)
        made.append(database)
        return replace(sample, database=database)

    yield open_
    for database in made:
        database.client.close()


@pytest.fixture
def backup(sample):
    """`backup()`: the bytes of a backup of now."""

    def made(*, recipients=()):
        into = io.BytesIO()
        sealing.seal(archive.written(snapshot(sample)), into, recipients=recipients)
        return into.getvalue()

    return made


@pytest.fixture
def frames():
    """`frames(data)`: a backup's frames."""

    def opened(data, *, identities=()):
        with sealing.opened(io.BufferedReader(io.BytesIO(data)), identities=identities) as source:
            yield from archive.read(source)

    return opened


@pytest.fixture
def contents():
    """`contents(database)`: every document, by collection."""

    def looked(database, *, without=("upkeep",)):
        return {
            name: sorted(database[name].find(), key=lambda document: str(document["_id"]))
            for name in sorted(database.list_collection_names())
            if name not in without
        }

    return looked
