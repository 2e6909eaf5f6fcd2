"""Versions and pages."""

import base64

import pytest

from vetika_kit.http.access import Role
from vetika_kit.http.pages import page
from vetika_kit.http.problems import Problem


def _add(client, title: str = "a", **more):
    return client.post("/v1/notes", json={"title": title, **more}).json


def test_a_get_that_knows_the_version_is_a_304(client):
    """If-None-Match with the present ETag, weak or strong, saves the body."""
    note = _add(client)
    first = client.get(f"/v1/notes/{note['id']}")
    assert first.headers["ETag"] == '"1"'
    for known in ('"1"', 'W/"1"', '"0", "1"', "*"):
        again = client.get(f"/v1/notes/{note['id']}", headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.data == b""
        assert again.headers["ETag"] == '"1"'
    assert client.get(f"/v1/notes/{note['id']}", headers={"If-None-Match": '"2"'}).status_code == 200


def test_an_update_must_have_seen_what_it_changes(client, bearer):
    """428 without If-Match, 412 with a stale or weak one, 200 with the present one."""
    path = f"/v1/notes/{_add(client)['id']}"
    secretariat = bearer(Role.SECRETARIAT)
    assert client.put(path, json={"title": "b"}, headers=secretariat).status_code == 428
    for stale in ('"7"', 'W/"1"', "1x"):
        refused = client.put(path, json={"title": "b"}, headers={**secretariat, "If-Match": stale})
        assert refused.status_code == 412
        assert refused.headers["ETag"] == '"1"'
    changed = client.put(path, json={"title": "b"}, headers={**secretariat, "If-Match": '"1"'})
    assert changed.status_code == 200
    assert changed.headers["ETag"] == '"2"'


def test_pages_hold_every_item_once(client):
    """Going from cursor to cursor shows every note, in order, and ends with null."""
    added = {_add(client, f"n{i}")["id"] for i in range(7)}
    seen, cursor = [], None
    while True:
        answer = client.get(
            "/v1/notes", query_string={"limit": 3} | ({"cursor": cursor} if cursor else {})
        ).json
        seen += [note["id"] for note in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert seen == sorted(added)


def test_a_page_does_not_shift_when_something_is_added_before_it(client, stores):
    """What comes in before the cursor moves nothing behind it."""
    for i in range(4):
        stores.notes.insert_one({"_id": f"m{i}", "version": 1, "title": "x"})
    first = client.get("/v1/notes?limit=2").json
    stores.notes.insert_one({"_id": "a", "version": 1, "title": "x"})
    second = client.get("/v1/notes", query_string={"limit": 2, "cursor": first["next"]}).json
    assert [note["id"] for note in first["items"] + second["items"]] == ["m0", "m1", "m2", "m3"]


@pytest.mark.parametrize("direction", [1, -1])
def test_an_order_with_ties_and_gaps_loses_nothing(stores, database, direction):
    """Equal values are told apart by id; documents without the value have their place."""
    values = [3, None, 1, 3, None, 2, 3, 1]
    stores.notes.insert_many(
        [{"_id": f"k{i}", **({} if value is None else {"rank": value})} for i, value in enumerate(values)]
    )
    seen, cursor = [], None
    while True:
        answer = page(
            stores.notes, {}, query={"limit": 3, "cursor": cursor}, order=("rank", direction),
            present=lambda note: note["_id"],
        )  # fmt: skip
        seen += answer["items"]
        cursor = answer["next"]
        if cursor is None:
            break
    expected = [note["_id"] for note in stores.notes.find().sort([("rank", direction), ("_id", direction)])]
    assert seen == expected


def test_a_cursor_that_was_not_given_out_is_a_422(client, stores, database):
    """Tampered, cut and foreign cursors are refused, also ones that hold operators."""
    for i in range(3):
        stores.notes.insert_one({"_id": f"m{i}", "version": 1, "title": "x"})
    good = client.get("/v1/notes?limit=1").json["next"]
    raw = bytearray(base64.urlsafe_b64decode(good + "=="))
    raw[-3] ^= 1
    foreign = page(
        stores.notes, {}, query={"limit": 1, "cursor": None}, order=("title", 1), present=lambda note: note
    )["next"]
    tampered = base64.urlsafe_b64encode(bytes(raw)).decode()
    for bad in ("x", good[:-2], tampered, foreign, "****", "A" * 1999, "\u1780"):
        response = client.get("/v1/notes", query_string={"cursor": bad})
        assert response.status_code == 422, bad
        assert response.json["errors"][0]["parameter"] == "cursor"
    with pytest.raises(Problem):
        page(database["other"], {}, query={"limit": 1, "cursor": good}, present=lambda note: note)
