"""Meetings as a whole: events in from Kafka, events out to Kafka, and the guards over its routes."""

import pytest

from meetings import publishes
from vetika_kit.events import published_by
from vetika_kit.http.access import undeclared_routes


@pytest.fixture
def tell(meetings):
    """Tell of an organization as registration would."""

    def tell(type_, id_, **facts):
        data = {"organization_id": id_, "acronym": None, "stakeholder_category": "local_ngo", **facts}
        meetings.hear(type_, data, service="registration", subject=id_, version=facts["version"])

    return tell


def test_every_route_says_who_may_call_it(meetings):
    """And every POST can be repeated."""
    assert undeclared_routes(meetings.app) == []


def test_an_organization_hosts_as_soon_as_it_was_heard_of(meetings, secretariat, plan, tell, eventually):
    """Admitted by registration, known here by its event; older news does not undo newer."""
    organizations = meetings.database["organizations"]
    with meetings.with_topics(), meetings.running("worker"):
        tell("organization.admitted.v1", "o-new", version=2, name="VBNK", status="admitted")
        tell("organization.applied.v1", "o-new", version=1, name="VBNK (applying)", status="applied")
        tell("organization.departed.v1", "o-last", version=3, name="Last", status="departed")
        eventually(lambda: organizations.find_one({"_id": "o-new"}), seconds=30)
        eventually(lambda: organizations.find_one({"_id": "o-last"}))
        eventually(lambda: meetings.database["inbox"].count_documents({}) == 3)
    assert organizations.find_one({"_id": "o-new"})["name"] == "VBNK"
    forum = secretariat.post("/v1/forums", json={**plan, "host_organization_id": "o-new"})
    assert forum.status_code == 201
    assert secretariat.post("/v1/forums", json={**plan, "host_organization_id": "o-last"}).status_code == 422


def test_a_forums_steps_reach_kafka_in_order(meetings, secretariat, drafted, eventually):
    """Each step leaves as the event that its contract describes, in the order in which they happened."""
    path = f"/v1/forums/{drafted['id']}"
    with meetings.with_topics(), meetings.running("relay"):
        for step in ("announcement", "registration-opening", "registration-closing"):
            secretariat.post(f"{path}/{step}")
        secretariat.patch(path, json={"capacity": 210}, headers={"If-Match": '"4"'})
        secretariat.post(f"{path}/cancellation", json={"reason": {"km": "ទឹកជំនន់"}})

        def told():
            events = [event for event in meetings.published() if event["subject"] == drafted["id"]]
            return events if len(events) == 5 else None

        events = eventually(told, seconds=30)
    assert [event["type"] for event in events] == [
        "forum.announced.v1",
        "forum.registration-opened.v1",
        "forum.registration-closed.v1",
        "forum.updated.v1",
        "forum.cancelled.v1",
    ]
    assert [event["data"]["version"] for event in events] == [2, 3, 4, 5, 6]
    contracts = published_by(publishes)
    for event in events:
        assert contracts[event["type"]]().validate(event["data"]) == {}
        assert event["source"] == f"/{meetings.config.coalition}/meetings"
