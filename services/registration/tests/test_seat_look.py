"""What Prometheus is shown of seats."""

from datetime import timedelta

from prometheus_client import REGISTRY

from registration.seat_look import seat_look
from registration.store.forums import Forums
from vetika_kit.looks import Looks


def _shown(forum, name):
    family = next(family for family in REGISTRY.collect() if family.name == name)
    return [sample.value for sample in family.samples if sample.labels["forum"] == forum]


def test_the_seats_of_forums_that_are_still_to_come_are_shown(rooms, announce, open_forum, clock):
    """As the ledger has them; what is over or called off leaves, and with it its label."""
    looks = Looks([seat_look(forums=Forums(rooms.database), ledgers=rooms.ledgers, clock=clock)])
    forum, called_off = announce(capacity=1), announce(capacity=5, status="cancelled")
    applicants = open_forum(forum_id=forum)
    for _ in range(3):
        rooms.admissions.admit(applicants.draft())
    looks.shown()
    assert _shown(forum, "vetika_forum_seats") == [1]
    assert _shown(forum, "vetika_forum_seats_taken") == [1]
    assert _shown(forum, "vetika_forum_waitlist") == [2]
    assert _shown(called_off, "vetika_forum_seats") == []
    labels = {"forum": forum, "day": "2027-03-10"}
    assert REGISTRY.get_sample_value("vetika_forum_seats", labels) == 1
    clock.advance(timedelta(days=3650))
    looks.shown()
    assert _shown(forum, "vetika_forum_seats") == []
