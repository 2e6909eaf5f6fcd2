"""Whose forum it is."""

from datetime import UTC, datetime, timedelta

import pytest

from meetings.domain.actor import Actor
from meetings.domain.forum import Forum
from meetings.domain.plan import Plan, SeatPolicy, Venue

START = datetime(2027, 3, 10, 1, 0, tzinfo=UTC)
DRAFT = Forum(
    id="f-1",
    plan=Plan(
        theme={"km": "វិមជ្ឈការ"},
        description=None,
        starts_at=START,
        ends_at=START + timedelta(hours=9),
        venue=Venue(name={"en": "Phnom Penh"}),
        capacity=200,
        host_organization_id="o-1",
        registration_opens_at=None,
        registration_closes_at=None,
        seat_policy=SeatPolicy(),
    ),
)


@pytest.mark.parametrize(
    ("actor", "runs"),
    [
        (Actor(secretariat=True), True),
        (Actor(organization_id="o-1"), True),
        (Actor(organization_id="o-2"), False),
        (Actor(), False),
    ],
)
def test_the_secretariat_and_the_host_run_a_forum(actor, runs):
    """Nobody else runs it, and nobody else sees it as a draft."""
    assert actor.runs("o-1") is runs
    assert actor.sees(DRAFT) is runs


def test_a_forum_without_a_host_is_the_secretariats():
    """No host is not the organization of those who represent none."""
    assert Actor(secretariat=True).runs(None)
    assert not Actor().runs(None)


def test_everybody_sees_what_was_announced():
    """Announced is public."""
    assert Actor().sees(DRAFT.announced(now=START - timedelta(days=1)))
