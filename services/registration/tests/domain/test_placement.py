"""The rule of seats, example by example; `store/test_seats.py` runs it beside the database's."""

from datetime import UTC, datetime, timedelta

from registration.domain.categories import StakeholderCategory
from registration.domain.placement import (
    Application,
    Decision,
    Ledger,
    SeatPolicy,
    place,
    place_all,
    promote,
    release,
)

NOW = datetime(2027, 3, 1, tzinfo=UTC)
CBO, MEDIA, DONOR = StakeholderCategory.CBO, StakeholderCategory.MEDIA, StakeholderCategory.DONOR


def _all(categories, ledger, *, now=NOW, organization=None):
    applications = [
        Application(
            ticket=f"{now}-{number}",
            registration_id=str(number),
            category=category,
            organization=organization,
        )
        for number, category in enumerate(categories)
    ]
    placements, ledger = place_all(applications, ledger=ledger, now=now)
    return [placement.decision for placement in placements], ledger


def test_a_reserved_seat_waits_for_its_category():
    """Others wait while the seat is kept; its own category takes it past them."""
    ledger = Ledger(policy=SeatPolicy(capacity=2, reserved={MEDIA: 1}))
    decisions, ledger = _all([CBO, CBO, MEDIA, MEDIA], ledger)
    assert decisions == [Decision.CONFIRMED, Decision.WAITLISTED, Decision.CONFIRMED, Decision.WAITLISTED]


def test_after_the_release_the_first_in_line_goes_first():
    """A newcomer does not overtake: they join the line, and the line moves."""
    release_at = NOW + timedelta(hours=1)
    ledger = Ledger(policy=SeatPolicy(capacity=2, reserved={MEDIA: 2}, release_at=release_at))
    decisions, ledger = _all([CBO, CBO], ledger)
    assert decisions == [Decision.WAITLISTED] * 2
    late = Application(ticket="late", registration_id="late", category=DONOR)
    placement, ledger = place(late, ledger=ledger, now=release_at)
    assert (placement.decision, placement.place) == (Decision.WAITLISTED, 3)
    promoted, ledger = promote(ledger=ledger, now=release_at)
    assert [one.category for one in promoted] == [CBO, CBO]
    assert [one.ticket for one in ledger.waitlist] == ["late"]


def test_an_organization_takes_no_more_than_its_limit():
    """The surplus waits although seats are free; others pass."""
    ledger = Ledger(policy=SeatPolicy(capacity=9, organization_limit=2))
    decisions, ledger = _all([CBO] * 3, ledger, organization="one")
    assert decisions == [Decision.CONFIRMED, Decision.CONFIRMED, Decision.WAITLISTED]
    decisions, ledger = _all([CBO], ledger, organization="two", now=NOW + timedelta(1))
    assert decisions == [Decision.CONFIRMED]


def test_a_seat_that_comes_back_goes_to_the_first_who_may_have_it():
    """A reserved seat passes over those it is not kept for."""
    ledger = Ledger(policy=SeatPolicy(capacity=1, reserved={MEDIA: 1}))
    decisions, ledger = _all([MEDIA, CBO, MEDIA], ledger)
    assert decisions == [Decision.CONFIRMED, Decision.WAITLISTED, Decision.WAITLISTED]
    promoted, ledger = release(ticket=f"{NOW}-0", category=MEDIA, organization=None, ledger=ledger, now=NOW)
    assert [one.registration_id for one in promoted] == ["2"]
    assert ledger.taken == 1


def test_fewer_seats_take_nobodys_away():
    """No more are given until enough came back."""
    _, ledger = _all([CBO] * 3, Ledger(policy=SeatPolicy(capacity=3)))
    ledger = Ledger(**{**vars(ledger), "policy": SeatPolicy(capacity=1)})
    assert ledger.taken == 3
    assert not ledger.has_seat_for(CBO, None, now=NOW)


def test_a_closed_forum_refuses():
    """Nothing changes."""
    ledger = Ledger(policy=SeatPolicy(capacity=3), open=False)
    decisions, after = _all([CBO], ledger)
    assert (decisions, after) == ([Decision.REFUSED], ledger)
