"""Kafka is killed for the length of a burst."""

import pytest
from pymongo import MongoClient

from vetika_cli.platform import Platform


@pytest.fixture
def platform(tmp_path, mongodb_uri):
    """A whole platform on a Kafka of its own."""
    with Platform(tmp_path, mongodb_uri=mongodb_uri) as platform:
        platform.start(*(name for name in platform.names if not name.startswith("recommendations")))
        yield platform
        platform.stop(*platform.running)
    with MongoClient(mongodb_uri) as client:
        for name in client.list_database_names():
            if name.startswith(f"{platform.installation.coalition}_"):
                client.drop_database(name)


@pytest.mark.slow
def test_registration_goes_on_without_kafka_and_everything_is_delivered_after(
    platform, looking_at, people, at_once, eventually, nothing_waits
):
    """Everybody is answered; when Kafka is back, each event leaves once and each person is told once."""
    with looking_at(platform) as outside:
        forum = outside.office.forum(seats=50)
    kafka = platform.server("kafka")
    kafka.kill()
    anybody = platform.caller()
    crowd = [people.new() for _ in range(100)]
    receipts = at_once(
        lambda person: anybody.post("registration", f"/v1/forums/{forum['id']}/registrations", person),
        crowd,
        threads=16,
    )
    assert sum(receipt["status"] == "confirmed" for receipt in receipts) == 50
    assert anybody.request("GET", "registration", "/readyz").status_code == 200
    outboxes = platform.caller("operator").get("registration", "/admin/outbox")["waiting"]
    assert {one["collection"]: one["documents"] for one in outboxes}["registrations"] == 100

    kafka.start()
    eventually(lambda: nothing_waits(platform, "registration"), seconds=60)
    told = {receipt["id"] for receipt in receipts}
    with looking_at(platform) as outside:
        eventually(lambda: {event["subject"] for event in _heard(outside, forum)} == told, seconds=60)
        assert len({event["id"] for event in _heard(outside, forum)}) == 100
        eventually(lambda: all(outside.mailbox.count(person["email"]) == 1 for person in crowd), seconds=90)


def _heard(outside, forum):
    heard = outside.partner.heard(forum_id=forum["id"])
    return [event for event in heard if event["type"].startswith("registration.")]
