"""Migrations against the real MongoDB: side by side with old code, by one of many, through a kill."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from vetika_kit.migrating import run_migrations, running_release
from vetika_kit.migrations import Migration, MigrationError, MigrationPolicy, Migrations, standings

SINGLE_NAME = Migration(
    name="one-name",
    doc="A person has one name beside the two parts, which the version before still reads and writes.",
    collection="folk",
    old={"name": {"$exists": False}},
    apply=({"$set": {"name": {"$concat": ["$given", " ", "$family"]}}},),
)
LENGTH = Migration(
    name="length-of-name",
    doc="The length is kept beside the name.",
    collection="folk",
    old={"name": {"$exists": True}, "length": {"$exists": False}},
    apply=({"$set": {"length": {"$strLenCP": "$name"}}},),
)
DYING = Path(__file__).with_name("migrating_until_death.py")


@pytest.fixture
def folk(sample):
    """2,000 documents of the old form."""
    collection = sample.database["folk"]
    collection.delete_many({})
    collection.insert_many([_person(number) for number in range(2_000)])
    return collection


@pytest.fixture
def migrations(sample, folk):
    """`migrations(*declared, owner=…)`: those of one process, in small batches."""
    policy = MigrationPolicy(batch=100, lease=1.0)

    def made(*declared, owner="one"):
        return Migrations(sample.database, declared=declared, owner=owner, policy=policy)

    return made


def _person(number):
    return {"_id": f"p{number:05}", "given": f"G{number}", "family": "Sok"}


def _record(sample, migration=SINGLE_NAME):
    return sample.database["migrations"].find_one({"_id": migration.name})


def test_documents_come_into_the_new_form_in_order_and_are_counted(sample, folk, migrations):
    """The second migration finds what the first has made; times and counts are kept."""
    assert migrations(SINGLE_NAME, LENGTH).run(threading.Event())
    assert folk.count_documents({"name": {"$exists": True}, "length": {"$gt": 5}}) == 2_000
    assert folk.find_one({"_id": "p00007"})["name"] == "G7 Sok"
    for migration in (SINGLE_NAME, LENGTH):
        record = _record(sample, migration)
        assert (record["state"], record["changed"], record["owner"]) == ("done", 2_000, None)
        assert record["finished_at"] >= record["started_at"]


def test_of_two_processes_that_begin_at_once_one_does_the_work(sample, folk, migrations):
    """Each document is changed once; the other process goes on without waiting."""
    counted = Migration(
        name="counted",
        doc="Counts how often it was applied.",
        collection="folk",
        old={"applied": {"$lt": 2}},
        apply=({"$set": {"applied": {"$add": ["$applied", 2]}}},),
    )
    folk.update_many({}, {"$set": {"applied": 0}})
    begin = threading.Barrier(4)

    def run(number):
        begin.wait()
        return migrations(counted, owner=f"process-{number}").run(threading.Event())

    with ThreadPoolExecutor(4) as pool:
        done = [*pool.map(run, range(4))]
    assert any(done)
    assert folk.count_documents({"applied": 2}) == 2_000
    assert _record(sample, counted)["changed"] == 2_000


def test_who_was_killed_in_the_middle_is_followed_by_another(sample, folk, migrations, eventually):
    """The next goes on behind the last batch that was written down, when the lease has ended."""
    killed = subprocess.run(
        [sys.executable, str(DYING), sample.database.name],
        env={**os.environ, "DYING_MONGODB_URI": sample.config.mongodb_uri},
        check=False,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    left = folk.count_documents(dict(SINGLE_NAME.old))
    record = _record(sample)
    assert 0 < left < 2_000
    assert (record["state"], record["owner"]) == ("running", "dying")
    next_one = migrations(SINGLE_NAME, owner="next")
    assert not next_one.run(threading.Event())  # the lease has not ended
    eventually(lambda: next_one.run(threading.Event()), seconds=20)
    assert folk.count_documents(dict(SINGLE_NAME.old)) == 0
    after = _record(sample)
    assert after["epoch"] == record["epoch"] + 1
    # The batch that was under way was changed and not counted; nothing was changed twice.
    assert 2_000 - 100 <= after["changed"] <= 2_000


def test_a_holder_that_slept_through_its_lease_stops(sample, folk, migrations, monkeypatch):
    """Another has taken over meanwhile: what the sleeper writes down would be wrong."""
    sleeper = migrations(SINGLE_NAME, owner="sleeper")
    note = Migrations._note

    def overtaken(self, record, changes):
        sample.database["migrations"].update_one({}, {"$set": {"owner": "other", "epoch": 99}})
        return note(self, record, changes)

    monkeypatch.setattr(Migrations, "_note", overtaken)
    assert not sleeper.run(threading.Event())
    assert _record(sample)["owner"] == "other"
    assert folk.count_documents(dict(SINGLE_NAME.old)) == 1_900


def test_old_code_reads_and_writes_while_it_runs(folk, migrations):
    """It never meets a document that it cannot read, and what it writes meanwhile is brought along."""
    stop, seen = threading.Event(), []

    def old_code():
        number = 10_000
        while not stop.is_set():
            folk.insert_one({**_person(number), "_id": f"a{number}"})  # behind where the migration is
            folk.update_one({"_id": "p01999"}, {"$set": {"family": "Chan"}})
            seen.extend(one["given"] + one["family"] for one in folk.find().limit(50))
            number += 1

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(old_code)
        migrations(SINGLE_NAME).run(threading.Event())
        stop.set()
        working.result()
    assert len(seen) > 50
    assert migrations(SINGLE_NAME).run(threading.Event())
    assert folk.count_documents(dict(SINGLE_NAME.old)) == 0
    assert folk.count_documents({"_id": {"$gte": "a", "$lt": "b"}}) > 0
    assert folk.find_one({"_id": "p01999"})["family"] == "Chan"


def test_what_an_old_process_writes_after_the_end_is_migrated_by_the_next_look(sample, folk, migrations):
    """A migration that is done is looked at again: processes are replaced one by one."""
    assert migrations(SINGLE_NAME).run(threading.Event())
    folk.insert_one(_person(9_000))
    (standing,) = standings(sample.database, [SINGLE_NAME])
    assert (standing.state, standing.left) == ("done", 1)
    assert migrations(SINGLE_NAME).run(threading.Event())
    assert folk.find_one({"_id": "p09000"})["name"] == "G9000 Sok"


def test_a_migration_that_does_not_change_what_it_finds_is_an_error(migrations):
    """It would go round for ever."""
    idle = replace(SINGLE_NAME, name="idle", apply=({"$set": {"given": "$given"}},))
    with pytest.raises(MigrationError, match="idle"):
        migrations(idle).run(threading.Event())


def test_a_migration_that_never_ends_lets_go(sample, migrations):
    """Old code that writes without end, or a filter that is wrong, must not keep a process for itself."""
    restless = Migration(
        name="restless",
        doc="Never comes to an end.",
        collection="folk",
        old={"given": {"$exists": True}},
        apply=({"$set": {"turns": {"$add": [{"$ifNull": ["$turns", 0]}, 1]}}},),
    )
    assert not migrations(restless).run(threading.Event())
    record = _record(sample, restless)
    assert (record["state"], record["owner"]) == ("running", None)


def test_a_worker_migrates_beside_its_work_and_a_one_shot_waits_until_it_is_done(sample, folk, eventually):
    """Both find the service's own declaration; the block that works is not held up."""
    service = replace(sample.service, migrations=(SINGLE_NAME,))
    context = replace(sample, service=service)
    with running_release(context):
        eventually(lambda: (_record(sample) or {}).get("state") == "done")
        sample.stop.set()
    later = replace(
        context, stop=threading.Event(), service=replace(service, migrations=(SINGLE_NAME, LENGTH))
    )
    run_migrations(later)
    assert folk.count_documents({"length": {"$exists": True}}) == 2_000


def test_what_a_newer_version_has_made_is_told(sample, migrations):
    """Older code goes on, and an operator learns that the data is ahead of it."""
    migrations(SINGLE_NAME, LENGTH).run(threading.Event())
    known, unknown = standings(sample.database, [SINGLE_NAME])
    assert (known.state, known.left) == ("done", 0)
    assert (unknown.name, unknown.state) == (LENGTH.name, "unknown")
