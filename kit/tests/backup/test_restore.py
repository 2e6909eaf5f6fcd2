"""A restore changes nothing until its archive has proved whole, and is completed by running it again."""

import pytest

from vetika_kit.backup import upkeep
from vetika_kit.backup.errors import ArchiveError, BackupError
from vetika_kit.backup.restore import Restore
from vetika_kit.backup.snapshot import snapshot
from vetika_kit.mongo import connection_name
from vetika_kit.processes import prepare_when_possible


def test_a_restored_database_is_the_one_that_was_backed_up(sample, store, backup, frames, contents):
    """Documents and indexes; what came after is gone."""
    data, before = backup(), contents(store)
    indexes = store["people"].index_information()
    store["people"].delete_many({"_id": {"$gt": "p3"}})
    store["later"].insert_one({"_id": "of today"})
    Restore(sample).run(frames(data), replace=True)
    assert contents(store) == before
    assert store["people"].index_information() == indexes


def test_what_is_there_is_not_written_over_unasked(sample, store, backup, frames, contents):
    """Neither is anything else changed."""
    data, before = backup(), contents(store)
    with pytest.raises(BackupError, match="--replace"):
        Restore(sample).run(frames(data), replace=False)
    assert contents(store) == before


@pytest.mark.parametrize("part", [0.3, 0.9, 0.9999])
def test_a_torn_archive_changes_nothing(sample, store, backup, frames, contents, part):
    """Not even when it tears at its very end."""
    data, before = backup(), contents(store)
    with pytest.raises(ArchiveError):
        Restore(sample).run(frames(data[: int(len(data) * part)]), replace=True)
    assert contents(store) == before
    assert upkeep.unfinished(store) is None


def test_another_services_archive_changes_nothing(sample, store, backup, frames, contents):
    """Nor one of another coalition, or of a format to come."""
    data, before = backup(), contents(store)
    for named in ({"service": "other"}, {"coalition": "other"}, {"format": 2}):
        foreign = ({**frame, **named} if frame["kind"] == "header" else frame for frame in frames(data))
        with pytest.raises(ArchiveError):
            Restore(sample).run(foreign, replace=True)
    assert contents(store) == before


@pytest.mark.parametrize("step", ["_drop_staged", "_load", "_put_in_place", "half_in_place"])
def test_a_restore_that_dies_is_completed_by_the_next(
    sample, store, backup, frames, contents, monkeypatch, step
):
    """Until it is complete nobody may use what is half there."""
    data, before = backup(), contents(store)
    store["people"].delete_many({})

    class KilledError(BaseException):
        pass

    def die(self, *arguments):
        if step == "half_in_place":
            (names,) = arguments
            store[f"{upkeep.STAGED}{names[0]}"].rename(names[0], dropTarget=True)
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Restore, "_put_in_place" if step == "half_in_place" else step, die)
        with pytest.raises(KilledError):
            Restore(sample).run(frames(data), replace=True)
    in_place = step in ("_put_in_place", "half_in_place")
    assert upkeep.unfinished(store) == ("restore" if in_place else None)
    if in_place:
        with pytest.raises(BackupError, match="not complete"):
            next(snapshot(sample))
    Restore(sample).run(frames(data), replace=not in_place)
    assert contents(store) == before
    assert upkeep.unfinished(store) is None


def test_no_process_starts_on_a_store_that_is_half_restored(sample, store, monkeypatch):
    """It waits, and says for what."""
    upkeep.begin(store, "restore")
    waited = []

    def wait(seconds):
        waited.append(seconds)
        upkeep.end(store, "restore")

    monkeypatch.setattr("vetika_kit.processes.time.sleep", wait)
    prepare_when_possible(sample.service, sample.config, store, sample.clock)
    assert len(waited) == 1


def test_whoever_is_connected_is_seen(sample, store, working):
    """By the name of the service's connections; another work is not one of its processes."""
    name = connection_name(sample.config, service="sample")
    working("").database.command("ping")
    work = working("restore").database
    assert upkeep.at_work(work, name=name)
    assert not upkeep.at_work(work, name=f"{name}-other")
