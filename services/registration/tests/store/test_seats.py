"""The rule in the database is the rule in the domain."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import WriteConcern

from registration.domain import placement
from registration.domain.categories import ForumStatus, StakeholderCategory
from registration.domain.placement import Application, Ledger, SeatPolicy
from registration.store.holds import Hold, HoldKind
from registration.store.ledger import Ledgers, following

NOW = datetime(2027, 3, 1, 1, 0, tzinfo=UTC)
CATEGORIES = [StakeholderCategory.CBO, StakeholderCategory.DONOR, StakeholderCategory.MEDIA]

first_come = st.builds(SeatPolicy, capacity=st.integers(0, 12))
shared_out = st.builds(
    SeatPolicy,
    capacity=st.integers(0, 12),
    reserved=st.dictionaries(st.sampled_from(CATEGORIES), st.integers(0, 6)),
    release_at=st.sampled_from([None, NOW - timedelta(hours=1), NOW, NOW + timedelta(hours=1)]),
    organization_limit=st.none() | st.integers(1, 4),
)
policies = first_come | shared_out
who = st.tuples(st.sampled_from(CATEGORIES), st.sampled_from([None, "one", "two", "$taken", "a.b"]))
steps = st.one_of(
    st.tuples(st.just("batch"), st.lists(who, min_size=1, max_size=8)),
    st.tuples(st.just("policy"), policies),
    st.tuples(st.just("release"), st.integers(0, 30)),
    st.tuples(st.just("later"), st.just(None)),
)


@pytest.fixture
def ledgers(mongo_database):
    """Ledgers of a fresh database."""
    # The rule is under test, not the disk: no update waits for the journal.
    unjournaled = WriteConcern(w=1, j=False)
    return Ledgers(mongo_database("registration").with_options(write_concern=unjournaled))


def _follow(ledgers, policy, *, version, now):
    ledgers.collection.bulk_write(
        [following("forum", version=version, policy=policy, status=ForumStatus.OPEN, now=now)]
    )


def _as_domain(ledger):
    """What both sides must agree on, in the ledger document's words."""
    return {
        "taken": ledger.taken,
        "by_category": {str(name): count for name, count in ledger.taken_by_category.items() if count},
        "by_organization": {name: count for name, count in ledger.taken_by_organization.items() if count},
        "next_number": ledger.next_number,
        "waitlist": [(one.ticket, one.number) for one in ledger.waitlist],
    }


def _as_stored(document):
    return {
        "taken": document["taken"],
        "by_category": {name: count for name, count in document["taken_by_category"].items() if count},
        "by_organization": {
            name: count for name, count in document["taken_by_organization"].items() if count
        },
        "next_number": document["next_number"],
        "waitlist": [(one["ticket"], one["number"]) for one in document["waitlist"]],
    }


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(policy=policies, story=st.lists(steps, max_size=8))
def test_the_update_and_the_rule_agree(ledgers, policy, story):
    """Any policy and any story of batches, releases and changes ends alike in Python and in MongoDB."""
    ledgers.collection.delete_many({})
    ledgers = Ledgers(ledgers.collection.database)  # what it remembers of a forum is of this story
    now, version = NOW, 1
    _follow(ledgers, policy, version=version, now=now)
    ledger = Ledger(policy=policy)
    known, numbers = {}, count()
    for kind, detail in story:
        if kind == "batch":
            applications = [
                Application(
                    ticket=f"t{number}",
                    registration_id=f"r{number}",
                    category=category,
                    organization=organization,
                )
                for number, (category, organization) in zip(numbers, detail, strict=False)
            ]
            placements, ledger = placement.place_all(applications, ledger=ledger, now=now)
            holds = ledgers.admit("forum", applications, done=list(known), now=now)
            assert [
                (holds[one.registration_id].number, holds[one.registration_id].place) for one in applications
            ] == [(one.number, one.place) for one in placements]
            known.update({one.ticket: one for one in applications})
        elif kind == "policy":
            version += 1
            _follow(ledgers, detail, version=version, now=now)
            ledger = Ledger(**{**vars(ledger), "policy": detail})
            _, ledger = placement.promote(ledger=ledger, now=now)
        elif kind == "release" and known:
            ticket = list(known)[detail % len(known)]
            one = known.pop(ticket)
            hold = ledgers.hold_cancellation(
                {
                    "_id": one.registration_id,
                    "forum_id": "forum",
                    "ticket": ticket,
                    "stakeholder_category": str(one.category),
                    "organization": {"key": one.organization},
                },
                attempt=ticket,
                by="participant",
                now=now,
            )
            promoted, ledger = placement.release(
                ticket=ticket, category=one.category, organization=one.organization, ledger=ledger, now=now
            )
            told = ledgers.give_back_cancelled(hold, now=now)
            assert [one.ticket for one in told] == [one.ticket for one in promoted]
            ledgers.drop(told)
            assert ledgers.give_back_cancelled(hold, now=now) == []
        elif kind == "later":
            now += timedelta(hours=2)
        stored = ledgers.collection.find_one({"_id": "forum"})
        assert _as_stored(stored) == _as_domain(ledger)
        ledgers.drop([hold for hold in ledgers.under_way(before=now) if hold.kind is HoldKind.PROMOTION])
    assert isinstance(ledgers.under_way(before=now + timedelta(hours=1)), list)
    assert all(isinstance(hold, Hold) for hold in ledgers.under_way(before=now))


@pytest.mark.parametrize("policy", [SeatPolicy(capacity=0), SeatPolicy(capacity=0, organization_limit=9)])
def test_a_newcomer_does_not_overtake_a_line_that_could_move(ledgers, policy):
    """Under either form of the update: seats came free, nobody moved up yet, and one more applies."""
    ledgers.collection.delete_many({})
    _follow(ledgers, policy, version=1, now=NOW)
    for name in ("first", "second"):
        one = Application(ticket=name, registration_id=name, category=CATEGORIES[0], organization=None)
        hold = ledgers.admit("forum", [one], done=[], now=NOW)[name]
        ledgers.collection.update_one({"_id": "forum"}, {"$set": {"policy.capacity": 5}})
    assert (hold.number, hold.place) == (2, 2)
    assert [one.registration_id for one in ledgers.promote("forum", now=NOW)] == ["first", "second"]
