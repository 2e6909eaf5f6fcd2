"""Recommendations as a whole: events in from Kafka, events out to Kafka, and the guard over its routes."""

from recommendations import publishes
from vetika_kit.events import published_by
from vetika_kit.http.access import undeclared_routes


def test_every_route_says_who_may_call_it(recommendations):
    """And every POST can be repeated."""
    assert undeclared_routes(recommendations.app) == []


def test_a_forum_heard_of_leads_to_a_recommendation_told_of(recommendations, writer, body, eventually):
    """From meetings' event over a request to the own event, each through Kafka."""
    forums = recommendations.database["forums"]

    def tell(version, type_, **facts):
        data = {"forum_id": "f-new", "version": version, "date": "2027-03-10", "capacity": 200, **facts}
        recommendations.hear(type_, data, service="meetings", subject="f-new", version=version)

    with recommendations.with_topics(), recommendations.running("worker", "relay"):
        tell(3, "forum.registration-opened.v1", status="open", theme={"en": "Gender"})
        tell(2, "forum.announced.v1", status="announced", theme={"en": "Gender?"})
        eventually(lambda: recommendations.database["inbox"].count_documents({}) == 2, seconds=30)
        assert forums.find_one({"_id": "f-new"})["theme"] == {"en": "Gender"}

        made = writer.post("/v1/recommendations", json={**body, "forum_id": "f-new"}).json
        events = eventually(
            lambda: [event for event in recommendations.published() if event["subject"] == made["id"]],
            seconds=30,
        )
    assert [event["type"] for event in events] == ["recommendation.drafted.v1"]
    data = events[0]["data"]
    assert published_by(publishes)["recommendation.drafted.v1"]().validate(data) == {}
    assert data == {
        "recommendation_id": made["id"],
        "version": 1,
        "forum_id": "f-new",
        "title": body["title"],
        "organization_id": "o-1",
    }
