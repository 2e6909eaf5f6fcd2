"""How many messages may leave in a second."""

from notifications.domain.allowance import Allowance


def test_without_a_limit_everything_leaves():
    """No bucket, no pause."""
    allowance = Allowance(per_second=None)
    assert (allowance.grant(500, now=0.0), allowance.pause()) == (500, 0.0)


def test_the_rate_is_kept_and_a_pause_does_not_end_in_a_burst():
    """Ten a second: one at the start, then ten each second, and after a quiet hour ten, not more."""
    allowance = Allowance(per_second=10.0)
    assert allowance.grant(50, now=0.0) == 1
    assert allowance.pause() > 0
    assert allowance.grant(50, now=1.0) == 10
    assert allowance.grant(50, now=3600.0) == 10
    assert allowance.grant(50, now=3600.125) == 1


def test_what_was_not_needed_is_given_back():
    """A grant for more than was due costs nothing."""
    allowance = Allowance(per_second=10.0)
    allowance.grant(0, now=0.0)
    granted = allowance.grant(10, now=1.0)
    allowance.give_back(granted)
    assert allowance.grant(10, now=1.0) == granted


def test_a_slow_rate_lets_one_through_at_a_time():
    """One every two seconds."""
    allowance = Allowance(per_second=0.5)
    assert [allowance.grant(3, now=second) for second in (0.0, 1.0, 2.0, 3.0, 4.0)] == [1, 0, 1, 0, 1]
