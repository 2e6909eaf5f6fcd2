"""What comes back from registration's own topics: seats, names, and nobody who asked to be forgotten."""

from datetime import UTC, datetime, timedelta

import pytest

from registration import recovers
from registration.domain.categories import CancelledBy
from registration.service import SERVICE
from registration.store.erasures import Erasures
from registration.store.recount import recount
from registration.store.recovered import PEOPLE, RecoveredPeople, erased_people, people_with_a_name
from vetika_kit.backup.recovery import Afterwards
from vetika_kit.inbox import UnitOfWork
from vetika_kit.topics import Stream

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def noted(database, clock):
    """`noted(step…)`: what the contacts topic said, in order; each step is a name and its arguments."""

    def note(*steps):
        with database.client.start_session() as session, session.start_transaction():
            work = UnitOfWork(database=database, session=session, clock=clock)
            people = RecoveredPeople(work=work)
            for name, arguments in steps:
                getattr(people, name)("p-1", **arguments)
            work.flush()

    return note


@pytest.fixture
def person(database):
    """`person(when)`: a registration of p-1 with a name."""
    database["registrations"].delete_many({})
    database["erasures"].delete_many({})
    database.drop_collection(PEOPLE)

    def registered(id_, when):
        database["registrations"].insert_one(
            {
                "_id": id_,
                "forum_id": "f",
                "person_id": "p-1",
                "person": {"family_name": "Chea"},
                "identities": [id_],
                "answered": {"fingerprint": None, "place": None},
                "registered_at": when,
                "active": True,
                "version": 1,
                "outbox": {"seq": 2, "events": []},
            }
        )

    return registered


def _recorded(version):
    return ("record", {"contact": {"email": "a@b.example"}, "version": version})


def _erased(at, *, sequence):
    return ("erase", {"at": at, "sequence": sequence, "version": int(at.timestamp() * 1000)})


def _forgotten(database):
    return {one["_id"] for one in database["registrations"].find({"person": None})}


def _take_back(database, clock):
    erasures = Erasures(database, clock=clock)
    return [erasures.take_back(one) for one in erased_people(database)]


def test_whoever_was_erased_since_the_backup_is_erased_again(database, clock, noted, person):
    """And the erasure stays open, so that it is seen through."""
    person("r-1", LONG_AGO)
    noted(_recorded(1), _erased(LONG_AGO + timedelta(days=1), sequence=1))
    assert _take_back(database, clock) == [True]
    assert _forgotten(database) == {"r-1"}
    assert database["erasures"].find_one({"_id": "p-1"})["open"]
    assert _take_back(database, clock) == [False]


def test_whoever_came_back_keeps_what_was_registered_after(database, clock, noted, person):
    """Only what lies before the wish is forgotten."""
    wish = LONG_AGO + timedelta(days=1)
    person("r-1", LONG_AGO)
    person("r-2", wish + timedelta(hours=1))
    noted(_recorded(1), _erased(wish, sequence=1), _recorded(int(wish.timestamp() * 1000) + 3_600_000))
    assert _take_back(database, clock) == [True]
    assert _forgotten(database) == {"r-1"}


def test_a_tombstone_that_repeats_an_erasure_takes_nobodys_name(database, clock, noted, person):
    """Who was erased and came back before the backup is there, whatever the second tombstone's time."""
    wish = LONG_AGO + timedelta(days=1)
    person("r-2", wish + timedelta(seconds=20))
    Erasures(database, clock=clock).begin("p-1", now=wish)
    later = wish + timedelta(seconds=60)
    noted(_erased(later, sequence=2), _recorded(int(later.timestamp() * 1000) + 5_000))
    _take_back(database, clock)
    assert _forgotten(database) == set()
    assert database["erasures"].find_one({"_id": "p-1"})["erased_at"] == wish


@pytest.mark.parametrize("known", [True, False])
def test_whoever_is_on_no_record_was_erased_long_ago(database, clock, config, person, known):
    """Compaction has taken even the tombstone. Where the topic was made anew, nothing is concluded."""
    person("r-1", LONG_AGO)
    keys = frozenset() if known else None
    done = recovers.finish(Afterwards(database=database, config=config, clock=clock, keys=lambda _, __: keys))
    assert _forgotten(database) == ({"r-1"} if known else set())
    assert done.get("people who were erased", 0) == int(known)


def test_a_contact_that_waits_to_leave_is_no_erasure(database, person):
    """It is on no record yet."""
    person("r-1", LONG_AGO)
    waiting = {"outbox.events": [{"stream": str(Stream.CONTACTS)}]}
    database["registrations"].update_one({"_id": "r-1"}, {"$set": waiting})
    assert people_with_a_name(database) == set()


def test_a_ledger_counted_anew_is_the_one_that_was(database, rooms, open_forum, balanced):
    """Seats by category and organization, the line in its order, the next number."""
    forum = open_forum(capacity=2)
    drafts = [forum.draft(organization="A"), forum.draft(), forum.draft(organization="A"), forum.draft()]
    admitted = [rooms.admissions.admit(draft) for draft in drafts]
    rooms.settlement.cancel(admitted[0].registration, by=CancelledBy.SECRETARIAT)
    before = database["admissions"].find_one({"_id": forum.forum_id})
    database["admissions"].update_one(
        {"_id": forum.forum_id},
        {"$set": {"taken": 9, "taken_by_category": {}, "taken_by_organization": {}, "waitlist": []}},
    )
    recount(database, forum.forum_id)
    after = database["admissions"].find_one({"_id": forum.forum_id})
    counted = ("taken", "taken_by_category", "waitlist", "next_number", "policy", "open")
    assert {name: after[name] for name in counted} == {name: before[name] for name in counted}
    organizations = {name: seats for name, seats in before["taken_by_organization"].items() if seats}
    assert after["taken_by_organization"] == organizations
    balanced(forum.forum_id)


def test_registration_declares_how_it_recovers():
    """The kit finds it."""
    assert SERVICE.recovery.module is recovers
