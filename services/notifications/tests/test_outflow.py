"""When a sender says that nothing leaves."""

import json
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import timedelta

import pytest
from pymongo import MongoClient

from notifications.domain.delivery import Channel
from notifications.outflow import Outflow
from notifications.sender import run_sender, sender_works
from notifications.store.queue import Queue
from vetika_kit.service import Context


def test_a_channel_without_anything_due_may_be_quiet_for_ever():
    """Nobody has to be told anything at night."""
    assert not Outflow(now=0).stopped(oldest_due=0, now=10_000)


def test_due_deliveries_that_nobody_tries_stop_a_channel():
    """Old ones alone do not: where things leave slowly, because they may, the oldest is old."""
    outflow = Outflow(now=0)
    assert not outflow.stopped(oldest_due=59, now=100)
    assert outflow.stopped(oldest_due=61, now=100)
    outflow.left(now=90)
    assert not outflow.stopped(oldest_due=5000, now=100)


def test_several_deliveries_that_all_come_back_stop_a_channel_until_one_leaves():
    """The mail server is away, or does not know us any more."""
    outflow = Outflow(now=0)
    for number in range(3):
        outflow.came_back(f"d-{number}", now=number)
    assert not outflow.stopped(oldest_due=0, now=59)
    assert outflow.stopped(oldest_due=0, now=60)
    outflow.left(now=61)
    assert not outflow.stopped(oldest_due=0, now=1000)


def test_one_delivery_that_comes_back_again_and_again_stops_nothing():
    """Its mailbox may be full; there is no telling from it that nothing leaves."""
    outflow = Outflow(now=0)
    for now in range(0, 5000, 100):
        outflow.came_back("d-1", now=now)
    assert not outflow.stopped(oldest_due=0, now=5000)


def test_a_sender_tells_which_channel_does_not_get_on(ear, service, deliveries, sending, clock, eventually):
    """With the age of the oldest delivery that is due."""
    with sending() as lanes:
        ear.everything()
        eventually(lambda: deliveries.count_documents({"state": "sent"}) == 2)
    queue = Queue(database=service.database)
    assert sender_works(lanes, queue=queue, now=clock.now()).good
    mail = deliveries.find_one({"channel": "email"})
    since = clock.now() - timedelta(seconds=100)
    deliveries.update_one({"_id": mail["_id"]}, {"$set": {"state": "queued", "due_at": since}})
    assert sender_works(lanes, queue=queue, now=clock.now()).good  # one left a moment ago
    lanes[Channel.EMAIL].outflow = Outflow(now=-1000)
    health = sender_works(lanes, queue=queue, now=clock.now())
    assert not health.good
    assert health.details == {"stopped": ["email"], "oldest_due_seconds": {"email": 100.0, "sms": 0.0}}


def test_a_sender_without_its_database_is_not_ready(sending, clock):
    """Nobody knows what is due, and that is what it says."""
    with (
        MongoClient("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=300) as client,
        sending() as lanes,
    ):
        health = sender_works(lanes, queue=Queue(database=client["away"]), now=clock.now())
    assert (health.good, health.details["mongodb"]) == (False, "away")


@pytest.fixture
def port():
    """A port that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def test_a_sender_that_runs_says_so(service, port, clock, eventually):
    """Both questions, over HTTP."""
    stop = threading.Event()
    context = Context(
        service=service.service,
        config=replace(service.config, probe_port=port),
        database=service.database,
        clock=clock,
        stop=stop,
        name="sender-test",
    )
    thread = threading.Thread(target=run_sender, args=(context,), daemon=True)
    thread.start()

    def get(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            return None

    try:
        assert eventually(lambda: get("/livez"))["process"] == "sender-test"
        assert get("/readyz")["stopped"] == []
    finally:
        stop.set()
        thread.join(timeout=20)
    assert not thread.is_alive()
