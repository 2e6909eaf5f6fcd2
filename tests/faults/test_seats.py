"""Seats under a crowd and under crashes: what the ledger says and what registrations say is one."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from pymongo import MongoClient

from vetika_cli.platform import Platform

NEEDED = (
    "meetings-api",
    "meetings-relay",
    "registration-relay",
    "registration-worker",
)
# Who wants to eat this makes the API die, once it is armed.
API_THAT_DIES = """
from registration.store.registrations import Registrations

insert = Registrations.insert_many

def die_around(self, pairs):
    wishes = {document["person"]["dietary"] for document, _ in pairs}
    if "nothing, before the registration" in wishes:
        die()
    refused = insert(self, pairs)
    if "nothing, after the registration" in wishes:
        die()
    return refused

Registrations.insert_many = die_around
"""
WORKER_THAT_DIES = """
from vetika_kit import kafka_clients
from vetika_kit.inbox import Inbox

whole = kafka_clients.KafkaConsumer
kafka_clients.KafkaConsumer = lambda **settings: whole(
    **settings | {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 1_500}
)
move = Inbox._move

def die_after(self, batch, *, session):
    move(self, batch, session=session)
    if batch.event_keys:
        die()

Inbox._move = die_after
"""


@pytest.fixture(scope="module")
def api(mortal):
    """The API that may be made to die."""
    return mortal("registration", API_THAT_DIES)


@pytest.fixture(scope="module")
def platform(tmp_path_factory, kafka_bootstrap, clear, api):
    """What it takes to register, on a mongod of its own that a test may kill."""
    folder = tmp_path_factory.mktemp("seats")
    environment = {"VETIKA_HOLD_LIMIT": "1"}
    with Platform(folder, kafka_bootstrap=kafka_bootstrap, environment=environment) as platform:
        platform.start_from(api.file, "registration-api")
        platform.start(*NEEDED)
        platform.wait_ready("registration-api")
        yield platform
        platform.stop(*platform.running)
        clear(platform)


@pytest.fixture(scope="module")
def outside(platform, looking_at):
    """Those who look at it."""
    with looking_at(platform) as outside:
        yield outside


@pytest.fixture
def office(outside):
    """The secretariat."""
    return outside.office


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An application, and when it was sent and answered."""

    began: float
    ended: float
    status: str
    place: int | None
    number: int | None


@pytest.fixture
def agree(office):
    """`agree(forum)`: seats, line and statistics say the same as the registrations; return those."""

    def compared(forum):
        registrations = office.registrations(forum["id"])
        counted = Counter(one["status"] for one in registrations)
        shown = office.statistics(forum["id"])
        assert shown["seats"]["taken"] == shown["totals"]["confirmed"] == counted["confirmed"]
        assert shown["seats"]["waiting"] == shown["totals"]["waitlisted"] == counted["waitlisted"]
        assert counted["confirmed"] <= shown["seats"]["capacity"]
        line = sorted(
            (one for one in registrations if one["status"] == "waitlisted"),
            key=lambda one: one["waitlist_number"],
        )
        assert [one["place_in_line"] for one in line] == list(range(1, len(line) + 1))
        return registrations

    return compared


def test_six_hundred_at_once_for_two_hundred_seats(platform, outside, office, people, agree, at_once):
    """Two API processes seat exactly two hundred; the others' numbers have no gap and nobody overtakes."""
    forum = office.forum(seats=200)
    master = platform.pid("registration-api")
    assert len(Path(f"/proc/{master}/task/{master}/children").read_text().split()) == 2

    def apply(person):
        began = time.monotonic()
        receipt = outside.anybody.post("registration", f"/v1/forums/{forum['id']}/registrations", person)
        return Answered(
            began=began,
            ended=time.monotonic(),
            status=receipt["status"],
            place=receipt["place_in_line"],
            number=receipt["waitlist_number"],
        )

    answers = at_once(apply, [people.new() for _ in range(600)])
    assert Counter(answer.status for answer in answers) == {"confirmed": 200, "waitlisted": 400}
    waiting = sorted(
        (answer for answer in answers if answer.status == "waitlisted"), key=lambda answer: answer.number
    )
    assert [answer.number for answer in waiting] == list(range(1, 401))
    assert [answer.place for answer in waiting] == list(range(1, 401))
    # Who was answered before another one began stands before them.
    line = [*(answer for answer in answers if answer.status == "confirmed"), *waiting]
    soonest = float("inf")
    for answer in reversed(line):
        assert answer.began < soonest
        if answer.status == "waitlisted":
            soonest = min(soonest, answer.ended)
    registrations = agree(forum)
    assert len(registrations) == 600


def test_an_api_process_dies_between_ledger_and_registration(outside, office, people, agree, api, eventually):
    """The seat comes back and the next in line has it; the one whom it cost the answer may come again."""
    forum = office.forum(seats=1)
    path = f"/v1/forums/{forum['id']}/registrations"
    unlucky = people.new(dietary="nothing, before the registration")
    api.arm()
    with pytest.raises(requests.ConnectionError):
        outside.anybody.post("registration", path, unlucky)
    other = outside.anybody.post("registration", path, people.new())

    eventually(lambda: _statuses(office, forum) == ["confirmed"])
    agree(forum)
    receipt = outside.anybody.post("registration", path, unlucky)
    assert receipt["status"] == "waitlisted"
    eventually(lambda: len(outside.partner.heard(forum_id=forum["id"], type="registration.waitlisted.v1")))
    heard = outside.partner.heard(forum_id=forum["id"])
    seated = [
        event["subject"]
        for event in heard
        if event["type"] in ("registration.confirmed.v1", "registration.promoted.v1")
    ]
    assert seated == [other["id"]]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_request_that_lost_its_answer_is_sent_again(
    moment, outside, office, people, agree, api, eventually
):
    """With the same Idempotency-Key, as clients do: there is one registration, and its answer arrives."""
    forum = office.forum(seats=1)
    path = f"/v1/forums/{forum['id']}/registrations"
    unlucky = people.new(dietary=f"nothing, {moment} the registration")
    api.arm()
    key = {"Idempotency-Key": f"once-{forum['id']}"}
    with pytest.raises(requests.ConnectionError):
        outside.anybody.post("registration", path, unlucky, headers=key)

    receipt = outside.anybody.post("registration", path, unlucky, headers=key)
    assert receipt["status"] == "confirmed"
    again = outside.anybody.post("registration", path, unlucky, headers=key)
    assert again == receipt
    assert [one["id"] for one in agree(forum)] == [receipt["id"]]
    eventually(lambda: outside.partner.heard(subject=receipt["id"]))
    assert _subjects(outside, forum) == {receipt["id"]}


@pytest.fixture
def impatient_mongod(platform):
    """A mongod that waits two seconds, not a minute, for the transaction of a client that is gone."""
    setting = "transactionLifetimeLimitSeconds"
    with MongoClient(platform.installation.mongodb_uri) as client:
        before = client.admin.command({"getParameter": 1, setting: 1})[setting]
        client.admin.command({"setParameter": 1, setting: 2})
        yield
        client.admin.command({"setParameter": 1, setting: before})


def test_a_worker_dies_between_effect_and_commit(
    platform, impatient_mongod, office, mortal, replace, eventually
):
    """What it had written is gone with it; the next worker lets the event take effect."""
    replace(platform, "registration-worker", mortal("registration", WORKER_THAT_DIES))
    forum = office.announced(seats=7)
    assert platform.wait_ended("registration-worker") == -9
    assert office.status(forum["id"]) is None

    platform.start("registration-worker")
    eventually(lambda: office.status(forum["id"]) == "announced", seconds=40)


def test_mongod_dies_under_a_burst(
    platform, outside, office, people, agree, at_once, eventually, nothing_waits
):
    """Whoever was answered is registered, whoever asks again gets the answer, and every event leaves."""
    forum = office.forum(seats=60)
    path = f"/v1/forums/{forum['id']}/registrations"
    mongod = platform.server("mongod")
    crowd = [people.new() for _ in range(120)]
    answered = []

    def insist(numbered):
        return eventually(lambda: ask(*numbered), seconds=90)

    def ask(number, person):
        key = {"Idempotency-Key": f"{forum['id']}-{number}"}
        try:
            answer = outside.anybody.request("POST", "registration", path, json=person, headers=key)
        except requests.ConnectionError:
            return None
        if answer.status_code != 201:
            assert answer.status_code in (409, 503), answer.text
            return None
        answered.append(number)
        if len(answered) == 30:
            mongod.kill()
            mongod.start()
        return answer.json()

    receipts = at_once(insist, list(enumerate(crowd)), threads=16)
    registrations = agree(forum)
    assert {receipt["id"] for receipt in receipts} == {one["id"] for one in registrations}
    assert len(registrations) == 120
    assert Counter(receipt["status"] for receipt in receipts) == {"confirmed": 60, "waitlisted": 60}
    eventually(lambda: nothing_waits(platform, "registration"), seconds=30)
    eventually(lambda: _subjects(outside, forum) == {receipt["id"] for receipt in receipts}, seconds=30)


def _subjects(outside, forum):
    heard = outside.partner.heard(forum_id=forum["id"])
    return {event["subject"] for event in heard if event["type"].startswith("registration.")}


def _statuses(office, forum):
    return [one["status"] for one in office.registrations(forum["id"])]
