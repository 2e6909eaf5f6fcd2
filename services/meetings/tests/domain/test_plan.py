"""Plans that hold together and plans that do not."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from meetings.domain.errors import BadPlanError
from meetings.domain.plan import Plan, SeatPolicy, StakeholderCategory, Venue, check

START = datetime(2027, 3, 10, 1, 0, tzinfo=UTC)  # eight in the morning in Phnom Penh

PLAN = Plan(
    theme={"en": "Decentralization and Gender"},
    description=None,
    starts_at=START,
    ends_at=START + timedelta(hours=9),
    venue=Venue(name={"en": "Phnom Penh"}),
    capacity=200,
    host_organization_id=None,
    registration_opens_at=START - timedelta(days=30),
    registration_closes_at=START - timedelta(days=2),
    seat_policy=SeatPolicy(
        reserved={StakeholderCategory.LOCAL_GOVERNMENT: 60, StakeholderCategory.CBO: 20},
        release_at=START - timedelta(days=7),
        organization_limit=5,
    ),
)


def faults(**changes):
    """The pointers of what is wrong with the plan so changed."""
    with pytest.raises(BadPlanError) as caught:
        check(replace(PLAN, **changes))
    return {fault.pointer for fault in caught.value.faults}


def test_a_sound_plan_passes():
    """A plan that keeps all rules is taken as it is."""
    check(PLAN)


def test_the_forums_day_is_the_day_in_phnom_penh():
    """Eleven at night UTC is the next day where the forum is held."""
    assert replace(PLAN, starts_at=datetime(2027, 3, 9, 23, 0, tzinfo=UTC)).date == date(2027, 3, 10)


@pytest.mark.parametrize("capacity", [1, 10_000])
def test_the_smallest_and_the_largest_hall_pass(capacity):
    """The limits themselves are allowed."""
    check(replace(PLAN, capacity=capacity, seat_policy=SeatPolicy()))


@pytest.mark.parametrize("capacity", [-1, 0, 10_001])
def test_a_capacity_outside_the_limits_is_a_fault(capacity):
    """A forum has 1 to 10,000 seats."""
    assert faults(capacity=capacity, seat_policy=SeatPolicy()) == {"/capacity"}


def test_a_forum_ends_after_it_starts():
    """An end at the start is a fault."""
    assert faults(ends_at=START) == {"/ends_at"}


def test_a_forum_ends_on_the_day_it_starts():
    """Midnight in Phnom Penh, five in the afternoon UTC, is already the next day."""
    check(replace(PLAN, ends_at=datetime(2027, 3, 10, 16, 59, tzinfo=UTC)))
    assert faults(ends_at=datetime(2027, 3, 10, 17, 0, tzinfo=UTC)) == {"/ends_at"}


def test_registration_closes_by_the_start():
    """The start itself is the last moment at which registration may close."""
    check(replace(PLAN, registration_closes_at=START))
    assert faults(registration_closes_at=START + timedelta(minutes=1)) == {"/registration_closes_at"}


def test_registration_opens_before_it_closes():
    """An opening at the closing date, or at the start when no date closes, is a fault."""
    assert faults(registration_opens_at=PLAN.registration_closes_at) == {"/registration_opens_at"}
    assert faults(registration_opens_at=START, registration_closes_at=None) == {"/registration_opens_at"}


def test_reserved_seats_fit_into_the_forum():
    """All seats may be reserved, not one more."""
    policy = PLAN.seat_policy
    check(replace(PLAN, capacity=80))
    assert faults(capacity=79) == {"/seat_policy/reserved"}
    assert faults(seat_policy=replace(policy, reserved={StakeholderCategory.CBO: -1})) == {
        "/seat_policy/reserved/cbo"
    }


def test_a_seat_policy_that_cannot_be_carried_out_is_a_fault():
    """A limit of no seats and a release after the start make no sense."""
    policy = replace(PLAN.seat_policy, organization_limit=0, release_at=START + timedelta(seconds=1))
    assert faults(seat_policy=policy) == {"/seat_policy/organization_limit", "/seat_policy/release_at"}


def test_every_fault_is_named_at_once():
    """A secretary corrects a form once, not once a fault."""
    assert faults(capacity=0, ends_at=START, seat_policy=SeatPolicy()) == {"/capacity", "/ends_at"}
