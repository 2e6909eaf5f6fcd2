"""The use cases on the real MongoDB: what is kept, what is told, and how the dates work among several."""

from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from meetings.domain.actor import Actor
from meetings.domain.errors import BadPlanError, NotTheHostError, RefusedError, UnknownForumError
from meetings.domain.forum import Status
from meetings.domain.plan import Plan, SeatPolicy, StakeholderCategory, Venue
from meetings.forums import Forums
from meetings.store.forums import FORUMS, ForumStore, ensure_indexes
from meetings.store.organizations import ORGANIZATIONS, Organizations
from vetika_kit.ids import new_id
from vetika_kit.outbox import StaleVersionError

SECRETARIAT = Actor(secretariat=True)
HOST = Actor(organization_id="o-host")
OTHER = Actor(organization_id="o-other")


@pytest.fixture
def database(mongo_database):
    """The database of meetings with its indexes and two organizations that it heard of."""
    database = mongo_database("meetings")
    ensure_indexes(database)
    for id_, status in (("o-host", "admitted"), ("o-other", "departed")):
        heard = {"_id": id_, "version": 1, "name": id_, "acronym": None, "status": status}
        database[ORGANIZATIONS].replace_one({"_id": id_}, heard, upsert=True)
    yield database
    database[FORUMS].delete_many({})


@pytest.fixture
def make_forums(database, clock):
    """Forums as a process makes them; each call another process."""
    return lambda: Forums(
        store=ForumStore(database=database, clock=clock),
        organizations=Organizations(database=database),
        clock=clock,
    )


@pytest.fixture
def forums(make_forums):
    """The use cases in one process."""
    return make_forums()


@pytest.fixture
def plan(clock):
    """A forum a hundred days ahead at eight in Phnom Penh, open from day 60 to day 98."""
    start = clock.now().replace(hour=1, minute=0, second=0, microsecond=0) + timedelta(days=100)
    return Plan(
        theme={"en": "Partnerships in Decentralization"},
        description=None,
        starts_at=start,
        ends_at=start + timedelta(hours=9),
        venue=Venue(name={"en": "Phnom Penh"}),
        capacity=200,
        host_organization_id="o-host",
        registration_opens_at=start - timedelta(days=40),
        registration_closes_at=start - timedelta(days=2),
        seat_policy=SeatPolicy(reserved={StakeholderCategory.CBO: 20}, release_at=start - timedelta(days=5)),
    )


@pytest.fixture
def announced(forums, plan):
    """An announced forum."""
    drafted = forums.draft(plan, id_=new_id(), actor=SECRETARIAT)
    return forums.announce(drafted.forum.id, actor=SECRETARIAT)


@pytest.fixture
def waiting(database):
    """The events that wait in a forum's outbox."""
    return lambda id_: database[FORUMS].find_one({"_id": id_})["outbox"]["events"]


def test_a_forum_is_read_as_it_was_written(forums, plan):
    """Every part of a plan survives the round trip through the database."""
    drafted = forums.draft(plan, id_=new_id(), actor=SECRETARIAT)
    shown = forums.show(drafted.forum.id, actor=SECRETARIAT)
    assert shown == drafted
    assert shown.forum.plan == plan


def test_a_repeated_draft_is_the_same_forum(forums, plan):
    """A retry under the same id after a lost answer makes no second forum."""
    id_ = new_id()
    first = forums.draft(plan, id_=id_, actor=SECRETARIAT)
    assert forums.draft(plan, id_=id_, actor=SECRETARIAT) == first


def test_nothing_is_told_of_a_draft(forums, plan, waiting):
    """Neither drafting, revising nor cancelling a draft leaves an event, nor makes it public."""
    drafted = forums.draft(plan, id_=new_id(), actor=HOST)
    revised = forums.revise(drafted, replace(plan, capacity=100), actor=HOST)
    forums.cancel(revised.forum.id, reason=None, actor=HOST)
    assert waiting(drafted.forum.id) == []
    with pytest.raises(UnknownForumError):
        forums.show(drafted.forum.id, actor=Actor())


def test_every_step_is_told_with_the_whole_state(forums, announced, plan, waiting):
    """One event a step, in order, each with the version and the state that the forum then has."""
    id_ = announced.forum.id
    opened = forums.open(id_, actor=HOST)
    forums.revise(opened, replace(plan, capacity=220), actor=HOST)
    forums.close(id_, actor=HOST)
    forums.cancel(id_, reason={"en": "Floods", "km": "ទឹកជំនន់"}, actor=HOST)
    told = [
        (event["type"], event["data"]["version"], event["data"]["status"], event["data"]["capacity"])
        for event in waiting(id_)
    ]
    assert told == [
        ("forum.announced.v1", 2, "announced", 200),
        ("forum.registration-opened.v1", 3, "open", 200),
        ("forum.updated.v1", 4, "open", 220),
        ("forum.registration-closed.v1", 5, "closed", 220),
        ("forum.cancelled.v1", 6, "cancelled", 220),
    ]
    assert waiting(id_)[-1]["data"]["reason"] == {"en": "Floods", "km": "ទឹកជំនន់"}


def test_only_a_member_hosts(forums, plan, database, waiting):
    """An unknown or departed host is refused when drafted, and one that left meanwhile when announced."""
    for host in ("o-other", "o-unknown"):
        with pytest.raises(BadPlanError):
            forums.draft(replace(plan, host_organization_id=host), id_=new_id(), actor=SECRETARIAT)
    drafted = forums.draft(plan, id_=new_id(), actor=SECRETARIAT)
    with pytest.raises(BadPlanError):
        forums.revise(drafted, replace(plan, host_organization_id="o-other"), actor=SECRETARIAT)
    database[ORGANIZATIONS].update_one({"_id": "o-host"}, {"$set": {"status": "departed"}})
    with pytest.raises(BadPlanError):
        forums.announce(drafted.forum.id, actor=SECRETARIAT)


def test_a_representative_runs_their_own_organizations_forums_only(forums, plan, announced):
    """Not another's, not the coalition's, and they cannot give theirs away."""
    id_ = announced.forum.id
    with pytest.raises(NotTheHostError):
        forums.open(id_, actor=OTHER)
    with pytest.raises(NotTheHostError):
        forums.draft(replace(plan, host_organization_id=None), id_=new_id(), actor=HOST)
    drafted = forums.draft(plan, id_=new_id(), actor=HOST)
    with pytest.raises(NotTheHostError):
        forums.revise(drafted, replace(plan, host_organization_id=None), actor=HOST)
    with pytest.raises(UnknownForumError):
        forums.announce(drafted.forum.id, actor=OTHER)


def test_a_revision_needs_the_newest_version(forums, announced, plan):
    """Two secretaries do not overwrite each other."""
    forums.revise(announced, replace(plan, capacity=150), actor=SECRETARIAT)
    with pytest.raises(StaleVersionError):
        forums.revise(announced, replace(plan, capacity=160), actor=SECRETARIAT)


def test_steps_taken_at_once_are_taken_once(make_forums, announced, waiting):
    """Several processes open the same forum: one does, the others learn that it is open."""
    barrier, outcomes = Barrier(4), []

    def open_it(forums):
        barrier.wait()
        try:
            outcomes.append(forums.open(announced.forum.id, actor=SECRETARIAT).forum.status)
        except RefusedError as error:
            outcomes.append(error.slug)

    threads = [Thread(target=open_it, args=(make_forums(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [Status.OPEN, *["registration-is-open"] * 3]
    assert [event["type"] for event in waiting(announced.forum.id)] == [
        "forum.announced.v1",
        "forum.registration-opened.v1",
    ]


def test_the_dates_open_and_close_registration(forums, announced, clock, waiting):
    """Not before their moment, at it, and each once."""
    id_, plan = announced.forum.id, announced.forum.plan
    clock.set(plan.registration_opens_at - timedelta(milliseconds=1))
    assert forums.follow_the_dates() == 0
    clock.set(plan.registration_opens_at)
    assert (forums.follow_the_dates(), forums.follow_the_dates()) == (1, 0)
    assert forums.show(id_, actor=Actor()).forum.status is Status.OPEN
    clock.set(plan.registration_closes_at)
    assert (forums.follow_the_dates(), forums.follow_the_dates()) == (1, 0)
    assert [event["type"] for event in waiting(id_)] == [
        "forum.announced.v1",
        "forum.registration-opened.v1",
        "forum.registration-closed.v1",
    ]


def test_the_dates_move_a_forum_once_among_several_workers(make_forums, announced, clock, waiting):
    """Four workers look at the same moment: one event leaves."""
    clock.set(announced.forum.plan.registration_opens_at)
    barrier, moved = Barrier(4), []

    def look(forums):
        barrier.wait()
        moved.append(forums.follow_the_dates())

    threads = [Thread(target=look, args=(make_forums(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(moved) == 1
    assert [event["type"] for event in waiting(announced.forum.id)][1:] == ["forum.registration-opened.v1"]


def test_a_moved_date_is_followed(forums, announced, clock, plan):
    """What counts is the date as it was revised."""
    later = replace(plan, registration_opens_at=plan.registration_opens_at + timedelta(days=1))
    forums.revise(announced, later, actor=SECRETARIAT)
    clock.set(plan.registration_opens_at)
    assert forums.follow_the_dates() == 0
    clock.advance(days=1)
    assert forums.follow_the_dates() == 1


def test_drafts_and_cancelled_forums_do_not_open_by_date(forums, plan, announced, clock):
    """A date moves only what is announced."""
    forums.draft(plan, id_=new_id(), actor=SECRETARIAT)
    forums.cancel(announced.forum.id, reason=None, actor=SECRETARIAT)
    clock.set(plan.registration_opens_at)
    assert forums.follow_the_dates() == 0


def test_the_look_at_the_dates_uses_its_index(database, clock):
    """The query that every worker makes every second reads no forum that is not due."""
    explained = database[FORUMS].find({"due_at": {"$lte": clock.now()}}).sort("due_at", 1).explain()
    assert "IXSCAN" in str(explained["queryPlanner"]["winningPlan"])
