"""Drafting, reading and revising forums over HTTP."""

from datetime import datetime, timedelta

import pytest


def test_a_draft_is_answered_as_it_was_written(secretariat, plan):
    """201, the plan with its defaults, its day in Phnom Penh, an id and an ETag."""
    answer = secretariat.post("/v1/forums", json=plan)
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    forum = answer.json
    assert (forum["status"], forum["version"], forum["reason"]) == ("draft", 1, None)
    assert forum["date"] == plan["starts_at"][:10]
    for name in ("theme", "description", "capacity", "host_organization_id"):
        assert forum[name] == plan[name]
    assert forum["seat_policy"]["reserved"] == plan["seat_policy"]["reserved"]
    assert datetime.fromisoformat(forum["starts_at"]) == datetime.fromisoformat(plan["starts_at"])
    assert secretariat.get(f"/v1/forums/{forum['id']}").json == forum


def test_the_least_that_a_plan_needs(secretariat, plan):
    """Theme, times, venue and capacity make a forum."""
    least = {name: plan[name] for name in ("theme", "starts_at", "ends_at", "venue", "capacity")}
    forum = secretariat.post("/v1/forums", json=least).json
    assert forum["seat_policy"] == {"reserved": {}, "release_at": None, "organization_limit": None}
    assert (forum["host_organization_id"], forum["registration_opens_at"]) == (None, None)


def test_the_day_must_be_the_day_of_the_start(secretariat, plan):
    """A day that is given is compared, not taken over."""
    assert secretariat.post("/v1/forums", json={**plan, "date": plan["starts_at"][:10]}).status_code == 201
    answer = secretariat.post("/v1/forums", json={**plan, "date": "2020-01-01"})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/date")


def test_what_is_wrong_is_named_by_pointer(secretariat, plan):
    """A rule of the domain is answered like a rule of the schema."""
    answer = secretariat.post("/v1/forums", json={**plan, "ends_at": plan["starts_at"], "capacity": 70})
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert {error["pointer"] for error in answer.json["errors"]} == {"/ends_at", "/seat_policy/reserved"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"capacity": 10_001}, "/capacity"),
        ({"capacity": "many"}, "/capacity"),
        ({"theme": {}}, "/theme"),
        ({"theme": {"fr": "Genre"}}, "/theme/fr"),
        ({"theme": {"en": {"$gt": ""}}}, "/theme/en"),
        ({"venue": {"name": {"en": "\u200b"}}}, "/venue/name/en"),
        ({"starts_at": "2030-01-01 08:00"}, "/starts_at"),
        ({"starts_at": "9999-12-31T23:00:00Z", "ends_at": "9999-12-31T23:30:00Z"}, "/starts_at"),
        ({"host_organization_id": "o-gone"}, "/host_organization_id"),
        ({"host_organization_id": "o-unheard"}, "/host_organization_id"),
        ({"seat_policy": {"reserved": {"nobility": 3}}}, "/seat_policy/reserved/nobility"),
        ({"status": "open"}, "/status"),
    ],
)
def test_bad_plans_are_refused(secretariat, meetings, plan, change, pointer):
    """422, the field named, nothing stored."""
    before = meetings.database["forums"].count_documents({})
    answer = secretariat.post("/v1/forums", json={**plan, **change})
    assert answer.status_code == 422
    assert any(error["pointer"].startswith(pointer) for error in answer.json["errors"])
    assert meetings.database["forums"].count_documents({}) == before


def test_a_repeated_request_drafts_once(secretariat, plan):
    """The same Idempotency-Key gives the same forum; with another body it is refused."""
    key = {"Idempotency-Key": "draft-once"}
    first = secretariat.post("/v1/forums", json=plan, headers=key)
    again = secretariat.post("/v1/forums", json=plan, headers=key)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert secretariat.post("/v1/forums", json={**plan, "capacity": 100}, headers=key).status_code == 422


def test_a_retry_after_a_crash_drafts_no_second_forum(secretariat, meetings, plan):
    """Even when the memory of the first request is gone, the same key leads to the same forum."""
    key = {"Idempotency-Key": "draft-after-crash"}
    first = secretariat.post("/v1/forums", json=plan, headers=key).json
    meetings.database["idempotency_keys"].delete_many({})
    assert secretariat.post("/v1/forums", json=plan, headers=key).json == first


def test_drafts_are_seen_by_those_who_run_them(secretariat, host, other, anybody, drafted):
    """For everybody else there is no such forum."""
    path = f"/v1/forums/{drafted['id']}"
    statuses = [caller.get(path).status_code for caller in (secretariat, host, other, anybody)]
    assert statuses == [200, 200, 404, 404]


def test_the_list_shows_what_the_caller_may_see(secretariat, host, other, anybody, drafted, announced, plan):
    """Everybody sees what was announced; drafts only those who run them, in pages, the earliest first."""
    draft = secretariat.post("/v1/forums", json=plan).json["id"]

    def listed(caller, query=""):
        items, cursor = [], ""
        while True:
            page = caller.get(f"/v1/forums?limit=2{query}{cursor}").json
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = f"&cursor={page['next']}"

    for caller, sees in ((secretariat, True), (host, True), (other, False), (anybody, False)):
        items = listed(caller)
        ids = [item["id"] for item in items]
        assert announced["id"] in ids
        assert (draft in ids) is sees
        assert [item["starts_at"] for item in items] == sorted(item["starts_at"] for item in items)
    assert {item["status"] for item in listed(secretariat, "&status=draft")} == {"draft"}


def test_a_representative_drafts_for_their_own_organization(host, plan):
    """Without a host it is theirs; another's or the coalition's they may not make."""
    del plan["host_organization_id"]
    assert host.post("/v1/forums", json=plan).json["host_organization_id"] == "o-host"
    assert host.post("/v1/forums", json={**plan, "host_organization_id": "o-other"}).status_code == 403


def test_a_revision_needs_the_version_that_it_changes(secretariat, drafted):
    """428 without If-Match, 412 with an old one, 200 and a new ETag with the right one."""
    path = f"/v1/forums/{drafted['id']}"
    change = {"capacity": 220}
    assert secretariat.patch(path, json=change).status_code == 428
    revised = secretariat.patch(path, json=change, headers={"If-Match": '"1"'})
    assert (revised.status_code, revised.headers["ETag"]) == (200, '"2"')
    assert (revised.json["capacity"], revised.json["theme"]) == (220, drafted["theme"])
    assert secretariat.patch(path, json=change, headers={"If-Match": '"1"'}).status_code == 412


def test_a_field_that_is_given_is_replaced_whole(secretariat, drafted):
    """Nested values are not mixed, null clears, and what a plan needs stays needed."""
    path = f"/v1/forums/{drafted['id']}"
    change = {"seat_policy": {"reserved": {"donor": 5}}, "description": None, "registration_opens_at": None}
    revised = secretariat.patch(path, json=change, headers={"If-Match": '"1"'}).json
    assert revised["seat_policy"] == {
        "reserved": {"donor": 5},
        "release_at": None,
        "organization_limit": None,
    }
    assert (revised["description"], revised["registration_opens_at"]) == (None, None)
    for body in ({}, {"theme": None}, {"venue": {"address": {"en": "Street 92"}}}, {"date": "2030-01-01"}):
        answer = secretariat.patch(path, json=body, headers={"If-Match": '"2"'})
        assert answer.status_code == 422, body


def test_others_do_not_revise(other, anybody, drafted, announced):
    """Another organization may not, nor may anybody without a token."""
    path, tag = f"/v1/forums/{announced['id']}", {"If-Match": '"2"'}
    assert other.patch(path, json={"capacity": 10}, headers=tag).status_code == 403
    assert anybody.patch(path, json={"capacity": 10}, headers=tag).status_code == 401


def test_an_announced_forums_times_move_within_the_future(secretariat, announced, clock):
    """A new start in the past is refused, one in the future is taken."""
    path, tag = f"/v1/forums/{announced['id']}", {"If-Match": '"2"'}
    earlier = {
        "starts_at": (clock.now() - timedelta(days=2)).isoformat(),
        "ends_at": (clock.now() - timedelta(days=2, seconds=-1)).isoformat(),
        "registration_opens_at": None,
        "registration_closes_at": None,
        "seat_policy": {},
    }
    answer = secretariat.patch(path, json=earlier, headers=tag)
    assert {error["pointer"] for error in answer.json["errors"]} >= {"/starts_at"}
    later = {"ends_at": (datetime.fromisoformat(announced["ends_at"]) - timedelta(hours=1)).isoformat()}
    assert secretariat.patch(path, json=later, headers=tag).status_code == 200


def test_the_host_of_an_announced_forum_stays(secretariat, announced):
    """409 with a stable type."""
    answer = secretariat.patch(
        f"/v1/forums/{announced['id']}", json={"host_organization_id": "o-other"}, headers={"If-Match": '"2"'}
    )
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/host-is-announced")
