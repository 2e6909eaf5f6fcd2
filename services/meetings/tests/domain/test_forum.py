"""The steps of a forum's life, and the ones that are refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from meetings.domain.errors import BadPlanError, RefusedError
from meetings.domain.forum import Forum, Status
from meetings.domain.plan import Plan, SeatPolicy, Venue

START = datetime(2027, 3, 10, 1, 0, tzinfo=UTC)
END = START + timedelta(hours=9)
OPENS = START - timedelta(days=30)
CLOSES = START - timedelta(days=2)
BEFORE = OPENS - timedelta(days=10)
INSTANT = timedelta(milliseconds=1)

PLAN = Plan(
    theme={"en": "Natural Resource Management"},
    description=None,
    starts_at=START,
    ends_at=END,
    venue=Venue(name={"en": "Phnom Penh"}),
    capacity=200,
    host_organization_id="o-1",
    registration_opens_at=OPENS,
    registration_closes_at=CLOSES,
    seat_policy=SeatPolicy(),
)


def forum(status, **plan):
    """A forum in this status."""
    public = status is not Status.DRAFT
    return Forum(id="f-1", plan=replace(PLAN, **plan), status=status, public=public)


def refusal(step, **arguments):
    """The slug with which the step is refused."""
    with pytest.raises(RefusedError) as caught:
        step(**arguments)
    return caught.value.slug


def test_the_straight_way():
    """A draft is announced, opened, closed, opened again and closed."""
    announced = forum(Status.DRAFT).announced(now=BEFORE)
    assert (announced.status, announced.public) == (Status.ANNOUNCED, True)
    reopened = announced.opened(now=OPENS).closed().opened(now=OPENS)
    assert reopened.status is Status.OPEN
    assert reopened.closed().status is Status.CLOSED


@pytest.mark.parametrize("status", [Status.ANNOUNCED, Status.OPEN, Status.CLOSED])
def test_a_forum_is_announced_once(status):
    """Only a draft is announced."""
    assert refusal(forum(status).announced, now=BEFORE) == "already-announced"


def test_nothing_is_announced_that_has_begun():
    """The start is the first moment that is too late."""
    assert forum(Status.DRAFT).announced(now=START - INSTANT).public
    assert refusal(forum(Status.DRAFT).announced, now=START) == "forum-has-begun"


def test_registration_opens_only_for_what_is_announced():
    """A draft does not open, an open forum does not open again."""
    assert refusal(forum(Status.DRAFT).opened, now=OPENS) == "not-announced"
    assert refusal(forum(Status.OPEN).opened, now=OPENS) == "registration-is-open"


@pytest.mark.parametrize("status", [Status.ANNOUNCED, Status.CLOSED])
def test_registration_does_not_open_after_the_forum_has_begun(status):
    """Neither for the first time nor again."""
    late = forum(status, registration_closes_at=None)
    assert late.opened(now=START - INSTANT).status is Status.OPEN
    assert refusal(late.opened, now=START) == "forum-has-begun"


def test_registration_does_not_open_past_its_closing_date():
    """The date would close it again at once, so the secretary is told to move it."""
    assert refusal(forum(Status.CLOSED).opened, now=CLOSES) == "closing-date-has-passed"


@pytest.mark.parametrize("status", [Status.DRAFT, Status.ANNOUNCED, Status.CLOSED])
def test_only_an_open_registration_closes(status):
    """Closing what is not open is refused."""
    assert refusal(forum(status).closed) == "registration-is-not-open"


@pytest.mark.parametrize("status", [Status.ANNOUNCED, Status.OPEN, Status.CLOSED])
def test_an_announced_forum_is_cancelled_with_its_reason(status):
    """From every public state, as long as it is not over."""
    cancelled = forum(status).cancelled(reason={"en": "Floods"}, now=START)
    assert (cancelled.status, cancelled.public, cancelled.reason) == (
        Status.CANCELLED,
        True,
        {"en": "Floods"},
    )
    assert refusal(forum(status).cancelled, reason=None, now=END) == "forum-is-over"


def test_a_draft_is_cancelled_silently():
    """Nobody knew of it, so it does not become public by being cancelled."""
    cancelled = forum(Status.DRAFT).cancelled(reason=None, now=END)
    assert (cancelled.status, cancelled.public) == (Status.CANCELLED, False)


def test_a_cancelled_forum_stays_cancelled():
    """No step leads out."""
    cancelled = forum(Status.CANCELLED)
    assert {
        refusal(cancelled.announced, now=BEFORE),
        refusal(cancelled.opened, now=BEFORE),
        refusal(cancelled.closed),
        refusal(cancelled.cancelled, reason=None, now=BEFORE),
        refusal(cancelled.revised, plan=PLAN, now=BEFORE),
    } == {"forum-is-cancelled"}
    assert cancelled.moved_on(now=END) is cancelled


def test_a_plan_is_checked_when_it_is_revised():
    """No revision smuggles a fault in."""
    with pytest.raises(BadPlanError):
        forum(Status.DRAFT).revised(replace(PLAN, capacity=0), now=BEFORE)


def test_the_host_changes_only_before_the_announcement():
    """People came to know the forum as its host's."""
    other = replace(PLAN, host_organization_id="o-2")
    assert forum(Status.DRAFT).revised(other, now=BEFORE).plan == other
    assert refusal(forum(Status.ANNOUNCED).revised, plan=other, now=BEFORE) == "host-is-announced"


def test_an_announced_forum_is_not_moved_into_the_past():
    """A start that stays may be past; one that is chosen now may not."""
    running = forum(Status.CLOSED)
    now = START + timedelta(hours=1)
    assert running.revised(replace(PLAN, capacity=210), now=now).plan.capacity == 210
    with pytest.raises(BadPlanError) as caught:
        running.revised(replace(PLAN, starts_at=START + timedelta(minutes=5)), now=now)
    assert [fault.pointer for fault in caught.value.faults] == ["/starts_at"]
    assert refusal(running.revised, plan=PLAN, now=END) == "forum-is-over"


def test_the_dates_open_and_close():
    """An announced forum opens at its opening date and closes at its closing date, not an instant before."""
    announced = forum(Status.ANNOUNCED)
    assert announced.moved_on(now=OPENS - INSTANT) is announced
    opened = announced.moved_on(now=OPENS)
    assert opened.status is Status.OPEN
    assert opened.moved_on(now=CLOSES - INSTANT) is opened
    assert opened.moved_on(now=CLOSES).status is Status.CLOSED


def test_a_window_that_nobody_saw_ends_closed():
    """When the whole window passed unseen, registration is closed without having been open."""
    assert forum(Status.ANNOUNCED).moved_on(now=CLOSES).status is Status.CLOSED


def test_registration_without_a_closing_date_closes_at_the_start():
    """Nobody registers for what has begun."""
    opened = forum(Status.OPEN, registration_closes_at=None)
    assert opened.moved_on(now=START - INSTANT) is opened
    assert opened.moved_on(now=START).status is Status.CLOSED


def test_a_hand_outweighs_the_dates():
    """What a person closed is not opened by a date, and without an opening date nothing opens."""
    closed = forum(Status.CLOSED)
    assert closed.moved_on(now=OPENS) is closed
    by_hand_only = forum(Status.ANNOUNCED, registration_opens_at=None)
    assert by_hand_only.due_at is None
