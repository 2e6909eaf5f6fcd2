"""Admission: batches, duplicates, repetitions and what may go wrong between ledger and registration."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pymongo.errors import AutoReconnect

from registration.admission_queue import AdmissionPolicy
from registration.admissions import Admissions
from registration.domain.categories import ForumStatus, RegistrationStatus
from registration.domain.refusals import (
    AlreadyRegisteredError,
    ForumUnknownError,
    RegistrationClosedError,
    TooBusyError,
    UndecidedError,
    WaitlistFullError,
)
from registration.store.ledger import WAITLIST_LIMIT
from registration.store.registrations import Registrations
from vetika_kit.ids import new_id


def test_seats_go_first_and_then_the_line(rooms, open_forum, balanced):
    """Who comes first has a seat; the others wait with gapless numbers and places."""
    forum = open_forum(capacity=2)
    answers = [rooms.admissions.admit(forum.draft()) for _ in range(4)]
    assert [one.registration["status"] for one in answers] == ["confirmed"] * 2 + ["waitlisted"] * 2
    assert [(one.registration["waitlist_number"], one.place) for one in answers] == [
        (None, None),
        (None, None),
        (1, 1),
        (2, 2),
    ]
    balanced(forum.forum_id)


def test_a_registration_carries_its_contact_and_then_its_news(rooms, open_forum):
    """The document's outbox holds the contact first, so that who is told something can be reached."""
    forum = open_forum(capacity=1)
    answer = rooms.admissions.admit(forum.draft())
    stored = rooms.registrations.collection.find_one({"_id": answer.registration["_id"]})
    assert [one["type"] for one in stored["outbox"]["events"]] == [
        "contact.recorded.v1",
        "registration.confirmed.v1",
    ]
    news = stored["outbox"]["events"][1]["data"]
    assert not {"family_name", "email", "phone"} & news.keys()


def test_many_at_once_never_overbook(rooms, open_forum, balanced):
    """Sixty callers at once for twenty seats: twenty are confirmed, the numbers of the others have no gap."""
    forum = open_forum(capacity=20)
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: rooms.admissions.admit(forum.draft()), range(60)))
    numbers = sorted(one.registration["waitlist_number"] for one in answers if one.place)
    assert numbers == list(range(1, 41))
    assert balanced(forum.forum_id)["taken"] == 20


def test_a_person_registers_once(rooms, open_forum, balanced):
    """Any identity in common makes it the same person, however it is spelled; in one forum."""
    forum = open_forum()
    first = rooms.admissions.admit(forum.draft(email="Sok.Dara@kid.example", phone="+85512345678"))
    for again in ({"email": "sok.dara@KID.example"}, {"phone": "+85512345678"}):
        with pytest.raises(AlreadyRegisteredError) as refused:
            rooms.admissions.admit(forum.draft(**again))
        assert refused.value.reference == first.registration["reference"]
    rooms.admissions.admit(open_forum().draft(email="sok.dara@kid.example"))
    balanced(forum.forum_id)


def test_one_person_many_times_at_once(rooms, open_forum, balanced):
    """Ten applications of one person at once end in one registration and nine refusals."""
    forum = open_forum(capacity=5)
    drafts = [forum.draft(phone="+85512999888") for _ in range(10)]

    def admit(draft):
        try:
            rooms.admissions.admit(draft)
        except AlreadyRegisteredError:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(admit, drafts)) == 1
    assert balanced(forum.forum_id)["taken"] == 1


def test_the_same_person_through_two_processes(rooms, open_forum, balanced):
    """Where both looked before either wrote, the index refuses one and its seat comes back."""
    forum = open_forum(capacity=5)
    rooms.admissions.admit(forum.draft(email="twice@people.example"))
    unseeing = Admissions(
        ledgers=rooms.ledgers,
        registrations=_Unseeing(rooms.database, clock=rooms.clock),
        settlement=rooms.settlement,
        secret=b"s",
        clock=rooms.clock,
    )
    with pytest.raises(AlreadyRegisteredError):
        unseeing.admit(forum.draft(email="twice@people.example"))
    ledger = balanced(forum.forum_id)
    assert ledger["taken"] == 1


def test_the_same_application_again_is_the_same_registration(rooms, open_forum, balanced):
    """The same id (a retry with its Idempotency-Key) finds what it led to, also after a cancellation."""
    forum = open_forum(capacity=1)
    draft = forum.draft()
    first = rooms.admissions.admit(draft)
    again = rooms.admissions.admit(draft)
    assert first.new
    assert not again.new
    assert again.registration["_id"] == first.registration["_id"]
    rooms.settlement.cancel(first.registration, by="participant")
    assert rooms.admissions.admit(draft).registration["status"] == RegistrationStatus.CANCELLED
    balanced(forum.forum_id)


def test_a_retry_takes_up_the_hold_of_a_process_that_died(rooms, open_forum, balanced):
    """A crash between ledger and registration costs no second seat when the request comes again."""
    forum = open_forum(capacity=2)
    draft = forum.draft()
    dying = _with(rooms, _Dying(rooms.database, clock=rooms.clock))
    with pytest.raises(AutoReconnect):
        dying.admit(draft)
    assert rooms.ledgers.collection.find_one({"_id": forum.forum_id})["taken"] == 1
    assert rooms.admissions.admit(draft).new
    assert balanced(forum.forum_id)["taken"] == 1
    rooms.clock.advance(minutes=1)
    rooms.sweeper.sweep()
    assert balanced(forum.forum_id)["holds"] == []


def test_a_half_admission_is_given_back(rooms, open_forum, balanced):
    """A hold without a registration becomes a tombstone, and its seat goes to the next in line."""
    forum = open_forum(capacity=1)
    draft = forum.draft()
    with pytest.raises(AutoReconnect):
        _with(rooms, _Dying(rooms.database, clock=rooms.clock)).admit(draft)
    waiting = rooms.admissions.admit(forum.draft())
    assert waiting.place == 1
    rooms.clock.advance(minutes=1)
    rooms.sweeper.sweep()
    assert rooms.registrations.get(waiting.registration["_id"])["status"] == RegistrationStatus.CONFIRMED
    assert rooms.registrations.get(draft.registration_id) is None
    rooms.sweeper.sweep()
    assert balanced(forum.forum_id)["holds"] == []
    again = rooms.admissions.admit(draft)
    assert again.new
    assert again.registration["_id"] != draft.registration_id
    balanced(forum.forum_id)


def test_a_process_that_wakes_after_the_sweeper_begins_anew(rooms, open_forum, balanced):
    """Its insert meets the tombstone; the application is decided again, and holds one place."""
    forum = open_forum(capacity=1)
    slow = _Slow(rooms.database, clock=rooms.clock)
    admissions = _with(rooms, slow)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(admissions.admit, forum.draft())
        assert slow.reached.wait(10)
        rooms.clock.advance(minutes=1)
        rooms.sweeper.sweep()
        slow.go_on.set()
        admitted = answer.result(10)
    assert admitted.registration["status"] == RegistrationStatus.CONFIRMED
    assert balanced(forum.forum_id)["taken"] == 1


def test_two_processes_with_one_application(rooms, open_forum, balanced):
    """The same id in two processes at once, one slow: one registration, one seat."""
    forum = open_forum(capacity=3)
    draft = forum.draft()
    slow = _SlowLook(rooms.database, clock=rooms.clock)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(_with(rooms, slow).admit, draft)
        assert slow.reached.wait(10)
        rooms.admissions.admit(draft)
        rooms.admissions.admit(forum.draft())  # its update removes the first one's hold
        slow.go_on.set()
        assert not answer.result(10).new
    assert balanced(forum.forum_id)["taken"] == 2


def test_a_closed_or_unknown_forum_takes_nobody(rooms, open_forum):
    """Both are told apart, and nothing is written."""
    forum = open_forum(status=ForumStatus.CLOSED)
    with pytest.raises(RegistrationClosedError):
        rooms.admissions.admit(forum.draft())
    with pytest.raises(ForumUnknownError):
        rooms.admissions.admit(type(forum)(forum_id=new_id()).draft())
    assert rooms.registrations.collection.count_documents({"forum_id": forum.forum_id}) == 0


def test_a_line_has_an_end(rooms, open_forum):
    """Beyond its limit nobody joins the line, and nothing is written."""
    forum = open_forum(capacity=0)
    somebody = {"ticket": "t", "id": "r", "number": 1, "category": "cbo", "organization": None}
    rooms.ledgers.collection.update_one(
        {"_id": forum.forum_id}, {"$set": {"waitlist": [somebody] * WAITLIST_LIMIT}}
    )
    with pytest.raises(WaitlistFullError):
        rooms.admissions.admit(forum.draft())


def test_a_full_queue_refuses_and_a_late_answer_is_withdrawn(rooms, open_forum, balanced):
    """Beyond its bound the queue says so at once; who was not taken from it in time was not admitted."""
    forum = open_forum(capacity=9)
    slow = _Slow(rooms.database, clock=rooms.clock)
    policy = AdmissionPolicy(waiting=1, batch=1, deadline=0.2)
    admissions = _with(rooms, slow, policy=policy)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(admissions.admit, forum.draft())
        assert slow.reached.wait(10)
        second = pool.submit(admissions.admit, forum.draft())
        with pytest.raises(TooBusyError):
            second.result(10)
        with pytest.raises(UndecidedError):
            first.result(10)
        with pytest.raises(TooBusyError):
            admissions.admit(forum.draft())
        slow.go_on.set()
    rooms.clock.advance(minutes=1)


def _with(rooms, registrations, *, policy=None):
    return Admissions(
        ledgers=rooms.ledgers,
        registrations=registrations,
        settlement=rooms.settlement,
        secret=b"s",
        clock=rooms.clock,
        policy=policy,
    )


class _Unseeing(Registrations):
    """As a process that looked before another one wrote."""

    def known(self, forum_id, *, ids, identities):  # noqa: ARG002 - as the store
        """See nobody."""
        return {}, {}


class _Dying(Registrations):
    """As a process that dies after the ledger decided."""

    def insert_many(self, pairs):  # noqa: ARG002 - as the store
        """Never come back."""
        raise AutoReconnect("gone")


class _Slow(Registrations):
    """As a process that sleeps between ledger and insert, once."""

    def __init__(self, database, *, clock):
        super().__init__(database, clock=clock)
        self.reached, self.go_on = threading.Event(), threading.Event()

    def insert_many(self, pairs):
        """Wait to be woken."""
        self.reached.set()
        assert self.go_on.wait(10)
        return super().insert_many(pairs)


class _SlowLook(_Slow):
    """As a process that sleeps between its look and the ledger."""

    def insert_many(self, pairs):
        """Do not wait here."""
        return Registrations.insert_many(self, pairs)

    def known(self, forum_id, *, ids, identities):
        """Look, then wait to be woken."""
        found = super().known(forum_id, ids=ids, identities=identities)
        if not self.reached.is_set():
            self.reached.set()
            assert self.go_on.wait(10)
        return found
