"""A journal and a backup bring back any moment since."""

import threading
import time
from contextlib import contextmanager

import pyrage
import pytest
from pymongo import UpdateOne

from vetika_kit.backup.errors import ArchiveError, BackupError
from vetika_kit.backup.joining import JournalOf, joined
from vetika_kit.backup.journal import Journal, JournalPolicy
from vetika_kit.backup.restore import Restore
from vetika_kit.backup.segments import segments


@pytest.fixture
def keeping(sample, tmp_path, eventually):
    """`keeping()`: a journal is kept while a block runs, and has all of it at the end."""

    @contextmanager
    def kept(*, recipients=(), policy=None, store=None):
        stop, failure = threading.Event(), []
        journal = Journal(sample, tmp_path, recipients=recipients, policy=policy)

        def run():
            try:
                journal.run(stop)
            except BackupError as error:
                failure.append(error)

        thread = threading.Thread(target=run, daemon=True)
        files = len(list(tmp_path.iterdir()))
        thread.start()
        eventually(lambda: len(list(tmp_path.iterdir())) > files)
        yield failure
        if not failure:
            through = sample.database.command("ping")["operationTime"]
            sample.database["notes"].update_one({"_id": "last"}, {"$inc": {"n": 1}}, upsert=True)
            eventually(lambda: failure or _through(tmp_path, sample) > through)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()

    return kept


def _through(folder, sample):
    found = segments(folder, coalition=sample.config.coalition, service="sample")
    return max(
        [segment.head.after for segment in found]
        + [block["through"] for segment in found for block in segment.blocks()]
    )


def _change(store, new, *, first):
    """Everything that can become of a document, some of it in one transaction."""
    people = store["people"]
    one, two, three, four, five, six = (f"p{number}" for number in range(first, first + 6))
    people.insert_one({"_id": new, "tags": []})
    people.replace_one({"_id": one}, {"_id": one, "whole": True})
    people.update_one({"_id": two}, {"$set": {"tags.1": "B", "deep.er": 1}, "$unset": {"version": ""}})
    people.update_one({"_id": three}, [{"$set": {"tags": {"$slice": ["$tags", 1]}}}])
    people.update_one({"_id": four}, {"$push": {"tags": {"$each": ["d"], "$position": 0}}})
    people.delete_one({"_id": five})
    with store.client.start_session() as session, session.start_transaction():
        people.update_one({"_id": six}, {"$set": {"seen": True}}, session=session)
        store["tallies"].insert_one({"_id": new, "times": 1}, session=session)


@pytest.mark.parametrize("encrypted", [False, True])
def test_backup_and_journal_give_the_state_that_was(
    sample, store, backup, frames, contents, keeping, tmp_path, encrypted
):
    """Inserts, replacements, updates of arrays and fields, deletions, transactions, all in their order."""
    identity = pyrage.x25519.Identity.generate()
    recipients = (str(identity.to_public()),) if encrypted else ()
    with keeping(recipients=recipients):
        _change(store, "before", first=0)
        data = backup()
        store["people"].delete_one({"_id": "before"})
        _change(store, "after", first=10)
    before = contents(store)
    store["people"].delete_many({})
    journal = JournalOf(folder=tmp_path, identities=[identity])
    restored = Restore(sample).run(joined(frames(data), journal), replace=True)
    assert contents(store) == before
    assert restored.changes > 8


def test_a_moment_in_between_can_be_had(sample, store, backup, frames, keeping, tmp_path, eventually):
    """What came after it is not there."""
    with keeping():
        data = backup()
        store["people"].insert_one({"_id": "early"})
        until = sample.clock.now()
        eventually(lambda: sample.clock.now().timestamp() > until.timestamp() + 1.5)
        store["people"].insert_one({"_id": "late"})
    Restore(sample).run(joined(frames(data), JournalOf(folder=tmp_path, until=until)), replace=True)
    found = {document["_id"] for document in store["people"].find({"_id": {"$in": ["early", "late"]}})}
    assert found == {"early"}


def test_a_journal_that_was_killed_goes_on_without_a_hole(
    sample, store, backup, frames, contents, keeping, tmp_path
):
    """A block that is torn is cut off and written again; changes while nobody looked are there."""
    policy = JournalPolicy(block=2, segment=2_000)
    with keeping(policy=policy):
        data = backup()
        store["people"].bulk_write([UpdateOne({"_id": f"p{n}"}, {"$set": {"n": n}}) for n in range(20)])
    last = max(tmp_path.iterdir())
    whole = last.read_bytes()
    last.write_bytes(whole[: len(whole) - 7])
    store["people"].insert_one({"_id": "while nobody looked"})
    with keeping(policy=policy):
        store["people"].delete_one({"_id": "p9"})
    before = contents(store)
    store["people"].delete_many({})
    Restore(sample).run(joined(frames(data), JournalOf(folder=tmp_path)), replace=True)
    assert contents(store) == before
    assert len(list(tmp_path.iterdir())) >= 3


def test_a_missing_file_is_noticed(sample, store, backup, frames, keeping, tmp_path):
    """A hole is refused, not passed over."""
    with keeping(policy=JournalPolicy(block=1, segment=1)):
        data = backup()
        for number in range(5):
            store["people"].insert_one({"_id": f"new{number}"})
    sorted(tmp_path.iterdir())[3].unlink()
    with pytest.raises(ArchiveError, match="hole"):
        list(joined(frames(data), JournalOf(folder=tmp_path)))


def test_a_journal_that_began_after_the_backup_is_refused(sample, store, backup, frames, keeping, tmp_path):
    """What lies between them nobody knows."""
    data = backup()
    store["people"].insert_one({"_id": "between"})
    with keeping():
        pass
    with pytest.raises(ArchiveError, match="begins before"):
        list(joined(frames(data), JournalOf(folder=tmp_path)))


def test_a_lost_database_ends_the_journal_and_the_moment_before_comes_back(
    sample, store, backup, frames, contents, keeping, tmp_path, eventually
):
    """Destruction is no change to be done again; a new chain needs a new backup."""
    with keeping() as failure:
        data = backup()
        store["people"].insert_one({"_id": "of today"})
        before = contents(store)
        store.client.drop_database(store.name)
        eventually(lambda: failure)
    Restore(sample).run(joined(frames(data), JournalOf(folder=tmp_path)), replace=False)
    assert contents(store) == before
    with keeping():
        later = backup()
    list(joined(frames(later), JournalOf(folder=tmp_path)))


def test_a_change_is_on_the_disk_within_a_second(sample, store, keeping, tmp_path, eventually):
    """That is the most that can be lost with everything else."""
    with keeping():
        waits = []
        for number in range(5):
            through = _through(tmp_path, sample)
            began = time.monotonic()
            store["people"].insert_one({"_id": f"timed{number}"})
            eventually(lambda through=through: _through(tmp_path, sample) > through)
            waits.append(time.monotonic() - began)
    assert sorted(waits)[2] < 1
