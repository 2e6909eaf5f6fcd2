"""Retries: growing pauses, spread by jitter, with an end."""

from datetime import UTC, datetime, timedelta

from notifications.domain.retry import RetryPolicy

NOW = datetime(2026, 12, 18, 1, 0, tzinfo=UTC)
POLICY = RetryPolicy(
    first_delay=timedelta(seconds=10), longest_delay=timedelta(minutes=30), attempts=8, jitter=0.0
)


def test_pauses_double_up_to_the_longest():
    """10 s, 20 s, 40 s ... and never more than half an hour."""
    pauses = [POLICY.delay(attempt=attempt, seed="a").total_seconds() for attempt in range(1, 12)]
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800]


def test_an_attempt_of_any_number_has_a_pause():
    """A number of attempts that no float can raise two to is still the longest pause."""
    assert POLICY.delay(attempt=100_000, seed="a") == timedelta(minutes=30)


def test_jitter_differs_between_deliveries_and_is_the_same_for_one():
    """What one outage left behind does not come back at once; a test can still foresee it."""
    policy = RetryPolicy(
        first_delay=timedelta(seconds=100), longest_delay=timedelta(hours=1), attempts=3, jitter=0.2
    )
    pauses = {seed: policy.delay(attempt=1, seed=seed).total_seconds() for seed in "abcdefghij"}
    assert len(set(pauses.values())) == 10
    assert all(80 <= pause <= 120 for pause in pauses.values())
    assert policy.delay(attempt=1, seed="a").total_seconds() == pauses["a"]


def test_the_last_attempt_has_no_next():
    """There is an end."""
    assert POLICY.next_attempt(attempt=7, seed="a", now=NOW) is not None
    assert POLICY.next_attempt(attempt=8, seed="a", now=NOW) is None


def test_a_longer_pause_that_the_other_side_asks_for_is_honoured():
    """Retry-After beats a shorter pause of ours, not a longer one."""
    assert POLICY.next_attempt(attempt=1, seed="a", now=NOW, not_before=timedelta(minutes=5)) == (
        NOW + timedelta(minutes=5)
    )
    assert POLICY.next_attempt(attempt=5, seed="a", now=NOW, not_before=timedelta(seconds=1)) == (
        NOW + timedelta(seconds=160)
    )
