"""Writing drafts down and reading them over HTTP."""

import pytest

PATH = "/v1/recommendations"


def test_a_draft_is_answered_as_it_was_written(writer, body):
    """201 with an id and an ETag; who wrote it is who the token says."""
    answer = writer.post(PATH, json=body)
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
    made = answer.json
    assert {name: made[name] for name in body} == body
    assert (made["status"], made["organization_id"]) == ("draft", "o-1")
    assert writer.get(f"{PATH}/{made['id']}").json == made


def test_the_secretariat_writes_for_nobody_else(secretariat, body):
    """Its drafts carry no organization, and need neither a forum nor a stakeholder."""
    least = {name: body[name] for name in ("title", "text", "addressed_to")}
    made = secretariat.post(PATH, json=least).json
    assert (made["organization_id"], made["forum_id"], made["stakeholder_category"]) == (None, None, None)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"forum_id": "f-unheard"}, "/forum_id"),
        ({"forum_id": {"$gt": ""}}, "/forum_id"),
        ({"title": {}}, "/title"),
        ({"text": None}, "/text"),
        ({"addressed_to": " "}, "/addressed_to"),
        ({"stakeholder_category": "nobility"}, "/stakeholder_category"),
        ({"organization_id": "o-2"}, "/organization_id"),
        ({"status": "agreed"}, "/status"),
    ],
)
def test_bad_drafts_are_refused(writer, recommendations, body, change, pointer):
    """422, the field named, nothing stored."""
    before = recommendations.database["recommendations"].count_documents({})
    answer = writer.post(PATH, json={**body, **change})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert recommendations.database["recommendations"].count_documents({}) == before


def test_a_repeated_request_writes_one_draft(writer, recommendations, body):
    """Even when the memory of the first request is gone."""
    key = {"Idempotency-Key": "once"}
    first = writer.post(PATH, json=body, headers=key).json
    assert writer.post(PATH, json=body, headers=key).json == first
    recommendations.database["idempotency_keys"].delete_many({})
    assert writer.post(PATH, json=body, headers=key).json == first


def test_drafts_are_read_by_their_writer_and_the_secretariat(
    recommendations, writer, other, secretariat, body
):
    """To everybody else there is nothing."""
    id_ = writer.post(PATH, json=body).json["id"]
    assert writer.get(f"{PATH}/{id_}").status_code == 200
    assert secretariat.get(f"{PATH}/{id_}").status_code == 200
    assert other.get(f"{PATH}/{id_}").status_code == 404
    anybody = recommendations.client()
    assert (anybody.get(f"{PATH}/{id_}").status_code, anybody.get(PATH).status_code) == (401, 401)
    assert anybody.post(PATH, json=body).status_code == 401


def test_the_list_shows_what_the_caller_may_read(writer, other, secretariat, body):
    """By forum if asked, in pages."""
    writer.post(PATH, json={**body, "forum_id": None})
    mine = [writer.post(PATH, json=body).json["id"] for _ in range(3)]

    def listed(caller):
        items, cursor = [], ""
        while True:
            page = caller.get(f"{PATH}?forum_id=f-known&limit=2{cursor}").json
            items += [item["id"] for item in page["items"]]
            if page["next"] is None:
                return items
            cursor = f"&cursor={page['next']}"

    assert listed(writer)[-3:] == mine
    assert set(mine) <= set(listed(secretariat))
    assert listed(other) == []
