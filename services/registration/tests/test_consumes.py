"""What registration makes of what it hears of forums."""

import pytest


def test_a_newer_producer_is_understood(client, announce, database):
    """Fields and stakeholder categories that are not known here are no reason to stop."""
    forum = announce(
        capacity=5,
        seat_policy={"reserved": {"cbo": 2, "astronauts": 3}, "release_at": None, "organization_limit": 4},
        weather="rain",
    )
    assert database["admissions"].find_one({"_id": forum})["policy"] == {
        "capacity": 5,
        "reserved": {"cbo": 2},
        "release_at": None,
        "organization_limit": 4,
    }
    assert client.get(f"/v1/forums/{forum}").json["theme"]["en"] == "Decentralization and Gender"


@pytest.mark.parametrize(
    ("status", "opens"), [("announced", False), ("open", True), ("closed", False), ("cancelled", False)]
)
def test_only_an_open_forum_takes_registrations(client, announce, application, status, opens):
    """What meetings says is what counts; dates are its business."""
    forum = announce(status=status)
    answer = client.post(f"/v1/forums/{forum}/registrations", json=application())
    assert answer.status_code == (201 if opens else 409)


def test_an_older_event_changes_nothing(client, announce):
    """Events may come late or again: the highest version counts, for the copy and for the seats."""
    forum = announce(version=5, capacity=3)
    announce(forum_id=forum, version=4, capacity=9, status="cancelled")
    shown = client.get(f"/v1/forums/{forum}").json
    assert (shown["status"], shown["seats"]["capacity"]) == ("open", 3)
