"""Gauges that are looked up when Prometheus asks."""

import threading

from prometheus_client import REGISTRY, Gauge
from pymongo import MongoClient

from vetika_kit.dead_letters import dead_letters_kept
from vetika_kit.looks import Look, Looks, Value


def _kept(reason):
    return REGISTRY.get_sample_value("vetika_dead_letters_kept", {"reason": reason})


def test_dead_letters_are_shown_until_somebody_has_decided(sample):
    """By reason, zeros too; one that is to be replayed waits for nobody."""
    letters = sample.database["dead_letters"]
    letters.insert_many(
        [
            {"_id": "1", "state": "dead", "reason": "unreadable"},
            {"_id": "2", "state": "dead", "reason": "unreadable"},
            {"_id": "3", "state": "replay_requested", "reason": "handler_failed"},
        ]
    )
    looks = Looks([dead_letters_kept(sample.database)])
    assert b'vetika_dead_letters_kept{reason="unreadable"} 2.0' in looks.shown()
    assert (_kept("handler_failed"), _kept("breaks_contract")) == (0, 0)
    letters.update_many({}, {"$set": {"state": "discarded"}})
    looks.shown()
    assert _kept("unreadable") == 0


def test_what_cannot_be_looked_up_is_missing_and_not_old(sample):
    """A figure from before the database went away would be taken for today's; the other metrics stay."""
    Looks([dead_letters_kept(sample.database)]).shown()
    assert _kept("unreadable") == 0
    with MongoClient("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=300) as client:
        shown = Looks([dead_letters_kept(client["away"])]).shown()
    assert _kept("unreadable") is None
    assert b"vetika_dead_letters_kept{" not in shown
    assert b"vetika_dead_letters_total" in shown


def test_two_readers_at_once_see_every_value():
    """The gauges are emptied and filled anew by one at a time."""
    gauge = Gauge("sample_looked_up", "A gauge of the tests.", ("number",), registry=None)
    seen = []

    def read():
        seen.append(len(gauge._metrics))  # what the last reader filled in is there in full
        return [Value(gauge=gauge, labels={"number": str(number)}, number=1) for number in range(50)]

    looks = Looks([Look(gauges=[gauge], read=read)])
    looks.shown()
    readers = [threading.Thread(target=looks.shown) for _ in range(20)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert set(seen[1:]) == {50}
