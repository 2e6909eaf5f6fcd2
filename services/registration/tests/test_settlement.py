"""Nothing is lost and nothing happens twice, wherever a process dies or falls asleep."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from registration.domain.categories import CancelledBy, ForumStatus, RegistrationStatus, StakeholderCategory
from registration.settlement import Settlement
from registration.store.ledger import Ledgers
from registration.store.registrations import Registrations
from vetika_kit.ids import new_id

DYING = Path(__file__).with_name("dying.py")

CANCELLATION_STEPS = [
    ("ledgers", "hold_cancellation"),
    ("registrations", "cancel"),
    ("ledgers", "give_back_cancelled"),
    ("registrations", "promote"),
    ("ledgers", "drop"),
]
GIVING_BACK_STEPS = [
    ("registrations", "bury"),
    ("ledgers", "give_back_unregistered"),
    ("registrations", "promote"),
]


@pytest.fixture
def dies(rooms, mongodb_uri):
    """`dies("ledgers", "admit", "admit", id=…)` runs a process that is killed right after that step."""

    def run(store, method, action, **detail):
        ended = subprocess.run(
            [sys.executable, str(DYING), rooms.database.name, store, method, action, json.dumps(detail)],
            env={**os.environ, "DYING_MONGODB_URI": mongodb_uri},
            timeout=60,
            check=False,
        )
        assert ended.returncode == -signal.SIGKILL

    return run


def _settle(rooms):
    """Let time pass and the sweeper go round until nothing is under way."""
    rooms.clock.advance(minutes=1)
    for _ in range(3):
        rooms.sweeper.sweep()


def _events(rooms, registration_id):
    stored = rooms.registrations.collection.find_one({"_id": registration_id})
    return [one["type"].split(".")[1] for one in stored["outbox"]["events"] if one["stream"] == "events"]


@pytest.mark.parametrize("step", [("ledgers", "admit"), ("registrations", "insert_many")])
def test_killed_while_admitting(rooms, open_forum, balanced, dies, step):
    """The seat is given back or the registration is there: never both, never neither."""
    forum = open_forum(capacity=1)
    id_, email = new_id(), f"{new_id()}@people.example"
    dies(*step, "admit", forum_id=forum.forum_id, id=id_, email=email)
    waiting = rooms.admissions.admit(forum.draft())
    assert waiting.registration["status"] == RegistrationStatus.WAITLISTED
    _settle(rooms)
    ledger = balanced(forum.forum_id)
    assert (ledger["taken"], ledger["holds"]) == (1, [])
    written = rooms.registrations.get(id_)
    assert (written is not None) == (step[1] == "insert_many")
    status = rooms.registrations.get(waiting.registration["_id"])["status"]
    assert status == ("waitlisted" if written else "confirmed")


@pytest.mark.parametrize("step", GIVING_BACK_STEPS)
def test_killed_while_giving_back(rooms, open_forum, balanced, dies, step):
    """A sweeper that dies leaves nothing that the next one cannot finish; the seat comes back once."""
    forum = open_forum(capacity=1)
    dies("ledgers", "admit", "admit", forum_id=forum.forum_id, id=new_id(), email=f"{new_id()}@x.example")
    waiting = [rooms.admissions.admit(forum.draft()).registration["_id"] for _ in range(2)]
    dies(*step, "sweep")
    _settle(rooms)
    ledger = balanced(forum.forum_id)
    assert (ledger["taken"], len(ledger["waitlist"]), ledger["holds"]) == (1, 1, [])
    assert _events(rooms, waiting[0]) == ["waitlisted", "promoted"]
    assert _events(rooms, waiting[1]) == ["waitlisted"]


@pytest.mark.parametrize(
    ("step", "waits"),
    [
        *((step, False) for step in CANCELLATION_STEPS),
        *((step, True) for step in CANCELLATION_STEPS[:3]),  # nobody moves up for somebody who waited
    ],
)
def test_killed_while_cancelling(rooms, open_forum, balanced, dies, step, waits):
    """The cancellation is carried through: one seat comes back, one person moves up, each is told once."""
    forum = open_forum(capacity=1)
    people = [rooms.admissions.admit(forum.draft()).registration["_id"] for _ in range(3)]
    cancelled = people[1] if waits else people[0]
    dies(*step, "cancel", id=cancelled)
    _settle(rooms)
    ledger = balanced(forum.forum_id)
    assert (ledger["taken"], len(ledger["waitlist"]), ledger["holds"]) == (1, 1, [])
    assert _events(rooms, cancelled)[-1] == "cancelled"
    assert _events(rooms, cancelled).count("cancelled") == 1
    if not waits:
        assert _events(rooms, people[1]) == ["waitlisted", "promoted"]
    assert _events(rooms, people[2]) == ["waitlisted"]


class _Pause:
    """Stops a thread right after a method of a store, until it is told to go on."""

    def __init__(self, target, method):
        self.reached, self._go_on = threading.Event(), threading.Event()
        whole = getattr(target, method)

        def paused(*args, **kwargs):
            result = whole(*args, **kwargs)
            self.reached.set()
            assert self._go_on.wait(10)
            return result

        setattr(target, method, paused)

    def go_on(self):
        """Wake it."""
        self._go_on.set()


def _sleepy(rooms, store, method):
    """Another process' settlement that falls asleep after a step."""
    stores = {
        "ledgers": Ledgers(rooms.database),
        "registrations": Registrations(rooms.database, clock=rooms.clock),
    }
    pause = _Pause(stores[store], method)
    return Settlement(**stores, clock=rooms.clock), pause


@pytest.mark.parametrize("step", CANCELLATION_STEPS)
def test_asleep_while_cancelling(rooms, open_forum, balanced, step):
    """Who wakes after the sweeper finished the cancellation changes nothing more."""
    forum = open_forum(capacity=1)
    people = [rooms.admissions.admit(forum.draft()).registration for _ in range(3)]
    settlement, pause = _sleepy(rooms, *step)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(settlement.cancel, people[0], by=CancelledBy.PARTICIPANT)
        assert pause.reached.wait(10)
        _settle(rooms)
        pause.go_on()
        assert answer.result(10)["status"] == RegistrationStatus.CANCELLED
    _settle(rooms)
    ledger = balanced(forum.forum_id)
    assert (ledger["taken"], len(ledger["waitlist"]), ledger["holds"]) == (1, 1, [])
    assert _events(rooms, people[0]["_id"]).count("cancelled") == 1
    assert _events(rooms, people[1]["_id"]) == ["waitlisted", "promoted"]


@pytest.mark.parametrize("step", CANCELLATION_STEPS[:3])
def test_two_cancellations_at_once(rooms, open_forum, balanced, step):
    """The second one overtakes the first; the seat comes back once."""
    forum = open_forum(capacity=1)
    people = [rooms.admissions.admit(forum.draft()).registration for _ in range(3)]
    settlement, pause = _sleepy(rooms, *step)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(settlement.cancel, people[0], by=CancelledBy.PARTICIPANT)
        assert pause.reached.wait(10)
        rooms.settlement.cancel(people[0], by=CancelledBy.SECRETARIAT)
        pause.go_on()
        answer.result(10)
    _settle(rooms)
    ledger = balanced(forum.forum_id)
    assert (ledger["taken"], len(ledger["waitlist"]), ledger["holds"]) == (1, 1, [])
    assert _events(rooms, people[0]["_id"]).count("cancelled") == 1


@pytest.mark.parametrize("step", CANCELLATION_STEPS[:4])
def test_who_moves_up_cancels_meanwhile(rooms, open_forum, balanced, step):
    """A cancels, B moves up and cancels while A's process sleeps: the seat is C's, and free of nobody."""
    forum = open_forum(capacity=1)
    first, second, third = (rooms.admissions.admit(forum.draft()).registration for _ in range(3))
    settlement, pause = _sleepy(rooms, *step)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(settlement.cancel, first, by=CancelledBy.PARTICIPANT)
        assert pause.reached.wait(10)
        rooms.settlement.cancel(rooms.registrations.get(second["_id"]), by=CancelledBy.PARTICIPANT)
        pause.go_on()
        answer.result(10)
    _settle(rooms)
    ledger = balanced(forum.forum_id)
    assert (ledger["taken"], ledger["waitlist"], ledger["holds"]) == (1, [], [])
    assert rooms.registrations.get(third["_id"])["status"] == RegistrationStatus.CONFIRMED


@pytest.mark.parametrize("step", GIVING_BACK_STEPS)
def test_two_sweepers_at_once(rooms, open_forum, balanced, dies, step):
    """Several workers sweep; one that sleeps on the way gives back nothing twice."""
    forum = open_forum(capacity=1)
    dies("ledgers", "admit", "admit", forum_id=forum.forum_id, id=new_id(), email=f"{new_id()}@x.example")
    waiting = [rooms.admissions.admit(forum.draft()).registration["_id"] for _ in range(2)]
    settlement, pause = _sleepy(rooms, *step)
    hold = next(hold for hold in rooms.ledgers.under_way(before=rooms.clock.now() + timedelta(minutes=1)))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(settlement.settle, hold)
        assert pause.reached.wait(10)
        _settle(rooms)
        pause.go_on()
        answer.result(10)
    _settle(rooms)
    ledger = balanced(forum.forum_id)
    assert (ledger["taken"], len(ledger["waitlist"]), ledger["holds"]) == (1, 1, [])
    assert _events(rooms, waiting[0]) == ["waitlisted", "promoted"]


def test_moved_up_before_it_is_written(rooms, open_forum, balanced):
    """Who moves up while their registration is still under way has the seat as soon as it is there."""
    forum = open_forum(capacity=1)
    first = rooms.admissions.admit(forum.draft()).registration
    slow = Registrations(rooms.database, clock=rooms.clock)
    reached, go_on = threading.Event(), threading.Event()
    whole = slow.insert_many

    def insert_many(pairs):
        reached.set()
        assert go_on.wait(10)
        return whole(pairs)

    slow.insert_many = insert_many
    admissions = type(rooms.admissions)(
        ledgers=rooms.ledgers,
        registrations=slow,
        settlement=rooms.settlement,
        secret=b"s",
        clock=rooms.clock,
    )
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(admissions.admit, forum.draft())
        assert reached.wait(10)
        rooms.settlement.cancel(first, by=CancelledBy.PARTICIPANT)
        rooms.sweeper.sweep()
        go_on.set()
        admitted = answer.result(10)
    assert admitted.registration["status"] == RegistrationStatus.WAITLISTED
    rooms.sweeper.sweep()
    assert _events(rooms, admitted.registration["_id"]) == ["waitlisted", "promoted"]
    balanced(forum.forum_id)


def test_reservations_end_by_themselves(rooms, open_forum, balanced):
    """At the release date the line moves without anybody's request, in order."""
    release_at = rooms.clock.now() + timedelta(hours=1)
    forum = open_forum(capacity=2, reserved={StakeholderCategory.MEDIA: 2}, release_at=release_at)
    people = [rooms.admissions.admit(forum.draft()).registration["_id"] for _ in range(3)]
    rooms.sweeper.sweep()
    assert balanced(forum.forum_id)["taken"] == 0
    rooms.clock.advance(hours=2)
    late = rooms.admissions.admit(forum.draft())
    assert late.place == 4
    rooms.sweeper.sweep()
    statuses = [rooms.registrations.get(one)["status"] for one in people]
    assert statuses == ["confirmed", "confirmed", "waitlisted"]
    balanced(forum.forum_id)


def test_nobody_moves_up_for_a_cancelled_forum(rooms, open_forum, balanced):
    """Who cancels then frees a seat that nobody gets."""
    forum = open_forum(capacity=1)
    people = [rooms.admissions.admit(forum.draft()).registration for _ in range(2)]
    open_forum(forum_id=forum.forum_id, capacity=1, status=ForumStatus.CANCELLED)
    rooms.settlement.cancel(people[0], by=CancelledBy.PARTICIPANT)
    _settle(rooms)
    assert balanced(forum.forum_id)["taken"] == 0
    assert rooms.registrations.get(people[1]["_id"])["status"] == RegistrationStatus.WAITLISTED
