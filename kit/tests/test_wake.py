"""Waking by a change stream."""

import threading
import time

from vetika_kit.wake import Wake


def test_a_write_wakes_and_another_collection_does_not(sample, people):
    """A bell rings for the collections that it was hung on."""
    wake = Wake(sample.database, collections=["people"])
    wake.listen()
    assert wake.listening
    sample.database["other"].insert_one({})
    assert wake.wait(0.6, stop=threading.Event()) is False
    people.insert({"_id": "a"})
    assert wake.wait(5, stop=threading.Event()) is True
    wake.close()
    assert not wake.listening


def test_a_write_that_does_not_match_is_let_sleep(sample, people, greeting):
    """Whoever writes itself need not be woken by that."""
    wake = Wake(
        sample.database,
        collections=["people"],
        match={"updateDescription.removedFields": {"$ne": "outbox.since"}},
    )
    people.insert({"_id": "a"}, greeting.event(subject="a", name="x", times=1))
    wake.listen()
    sample.database["people"].update_one({"_id": "a"}, {"$unset": {"outbox.since": ""}})
    assert wake.wait(0.6, stop=threading.Event()) is False
    wake.close()


def test_one_that_cannot_listen_rests(sample):
    """A bell that is out of order does not become a busy loop."""
    wake = Wake(sample.database, collections=["people"])
    started = time.monotonic()
    assert wake.wait(0.2, stop=threading.Event()) is False
    assert time.monotonic() - started >= 0.19


def test_one_that_is_told_to_stop_does_not_sleep_on(sample, people):
    """A process that is stopped leaves its sleep at once, whether it listens or not."""
    for listening in (True, False):
        wake = Wake(sample.database, collections=["people"])
        if listening:
            wake.listen()
        stop = threading.Event()
        sleeper = threading.Thread(target=wake.wait, args=(600,), kwargs={"stop": stop}, daemon=True)
        sleeper.start()
        stop.set()
        sleeper.join(timeout=10)
        assert not sleeper.is_alive()
        wake.close()
