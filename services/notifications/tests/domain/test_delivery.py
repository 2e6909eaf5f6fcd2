"""The state machine of a delivery."""

from datetime import UTC, datetime, timedelta

import pytest

from notifications.domain.delivery import (
    TRANSITIONS,
    Accepted,
    Refused,
    Report,
    Reported,
    Standing,
    State,
    accepted,
    failed,
    refused,
    reported,
    resent,
)
from notifications.domain.errors import RuleError
from notifications.domain.retry import RetryPolicy

NOW = datetime(2026, 12, 18, 1, 0, tzinfo=UTC)
POLICY = RetryPolicy(
    first_delay=timedelta(seconds=10), longest_delay=timedelta(minutes=30), attempts=3, jitter=0
)


def _standing(state, *, attempts=1, **more):
    return Standing(delivery_id="d1", state=state, attempts=attempts, **more)


def _report(says, *, attempt=1, code=None):
    return Report(says=says, provider_id="SM1", attempt=attempt, code=code)


def test_every_state_has_its_row():
    """The table says of every state where it may go, and only a delivered one is at its end."""
    assert set(TRANSITIONS) == set(State)
    assert [state for state, after in TRANSITIONS.items() if not after] == [State.DELIVERED]


def test_an_accepted_message_is_sent():
    """It keeps the provider's id, frees the lease, and is published."""
    step = accepted(Accepted(provider_id="SM1"), standing=_standing(State.SENDING), now=NOW)
    assert step.state is State.SENT
    assert step.publishes == (State.SENT,)
    assert step.sets["provider_id"] == "SM1"
    assert step.sets["due_at"] is step.sets["lease"] is None


def test_a_refusal_for_now_is_tried_again_until_the_attempts_are_used_up():
    """Twice queued again, later each time; the third refusal is the end."""
    outcome = Refused(code="smtp_451", permanent=False)
    first = refused(outcome, standing=_standing(State.SENDING), policy=POLICY, now=NOW)
    assert (first.state, first.sets["due_at"]) == (State.QUEUED, NOW + timedelta(seconds=10))
    second = refused(outcome, standing=_standing(State.SENDING, attempts=2), policy=POLICY, now=NOW)
    assert second.sets["due_at"] == NOW + timedelta(seconds=20)
    third = refused(outcome, standing=_standing(State.SENDING, attempts=3), policy=POLICY, now=NOW)
    assert (third.state, third.sets["last_error"]) == (State.FAILED, "smtp_451")
    assert third.publishes == (State.FAILED,)


def test_a_refusal_for_good_ends_at_once():
    """An unknown mailbox is not asked for again."""
    step = refused(
        Refused(code="smtp_550", permanent=True), standing=_standing(State.SENDING), policy=POLICY, now=NOW
    )
    assert step.state is State.FAILED


def test_a_delivery_sent_again_has_all_its_attempts_before_it():
    """Attempts of the round before do not count."""
    step = resent(standing=_standing(State.FAILED, attempts=3), now=NOW)
    assert (step.state, step.sets["attempts_before"], step.sets["resends"]) == (State.QUEUED, 3, 1)
    again = refused(
        Refused(code="smtp_451", permanent=False),
        standing=_standing(State.SENDING, attempts=4, attempts_before=3, resends=1),
        policy=POLICY,
        now=NOW,
    )
    assert again.state is State.QUEUED


@pytest.mark.parametrize("state", [State.AWAITING_CONTACT, State.QUEUED, State.SENDING, State.DELIVERED])
def test_only_what_is_sent_or_failed_can_be_sent_again(state):
    """What is on its way needs no second push, and what arrived has arrived."""
    with pytest.raises(RuleError, match="cannot be sent again"):
        resent(standing=_standing(state), now=NOW)


@pytest.mark.parametrize("state", [State.DELIVERED, State.FAILED])
def test_what_is_over_cannot_fail_again(state):
    """A step that the table does not have is refused."""
    with pytest.raises(RuleError, match="cannot become"):
        failed("erased", standing=_standing(state), now=NOW)


@pytest.mark.parametrize(
    ("state", "says", "becomes"),
    [
        (State.SENT, Reported.DELIVERED, State.DELIVERED),
        (State.SENT, Reported.FAILED, State.FAILED),
        (State.SENT, Reported.SENT, None),
        (State.SENT, Reported.UNDER_WAY, None),
        (State.SENDING, Reported.UNDER_WAY, None),
        (State.SENDING, Reported.SENT, State.SENT),
        (State.SENDING, Reported.DELIVERED, State.DELIVERED),
        (State.SENDING, Reported.FAILED, State.FAILED),
        (State.QUEUED, Reported.SENT, State.SENT),
        (State.QUEUED, Reported.DELIVERED, State.DELIVERED),
        (State.QUEUED, Reported.FAILED, None),
        (State.FAILED, Reported.DELIVERED, State.DELIVERED),
        (State.FAILED, Reported.SENT, None),
        (State.FAILED, Reported.FAILED, None),
        (State.DELIVERED, Reported.SENT, None),
        (State.DELIVERED, Reported.FAILED, None),
        (State.DELIVERED, Reported.DELIVERED, None),
        (State.AWAITING_CONTACT, Reported.DELIVERED, None),
    ],
)
def test_a_report_moves_a_delivery_on_and_never_back(state, says, becomes):
    """Late, doubled and early reports: each state answers each report as the table says."""
    step = reported(_report(says), standing=_standing(state), now=NOW)
    assert (step.state if step else None) is becomes


def test_a_report_about_an_earlier_attempt_counts_only_when_it_arrived():
    """The failure of a message that was replaced says nothing about the one that replaced it."""
    second = _standing(State.SENT, attempts=2)
    assert reported(_report(Reported.FAILED, attempt=1), standing=second, now=NOW) is None
    step = reported(_report(Reported.DELIVERED, attempt=1), standing=second, now=NOW)
    assert step.state is State.DELIVERED


def test_a_late_report_does_not_stop_a_message_that_somebody_sent_again():
    """The secretariat asked for another message; that the first was sent is no news."""
    waiting = _standing(State.QUEUED, attempts=1, attempts_before=1, resends=1)
    assert reported(_report(Reported.SENT), standing=waiting, now=NOW) is None


def test_arriving_without_a_known_sending_publishes_both():
    """Partners count what was sent and what arrived; a lost answer must not make the sums differ."""
    step = reported(_report(Reported.DELIVERED), standing=_standing(State.SENDING), now=NOW)
    assert step.publishes == (State.SENT, State.DELIVERED)
