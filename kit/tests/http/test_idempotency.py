"""Idempotency-Key."""

import threading

import pytest
from bson.binary import Binary
from pymongo.errors import AutoReconnect

from vetika_kit.http.access import Role

KEY = {"Idempotency-Key": "first-try"}


def test_the_same_request_again_gives_the_same_answer_and_one_effect(client, stores):
    """Sent twice: one note, the same body, status, ETag and type, the second marked as a repetition."""
    first = client.post("/v1/notes", json={"title": "a"}, headers=KEY)
    second = client.post("/v1/notes", json={"title": "a"}, headers=KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"] == '"1"'
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert stores.calls == ["a"]
    assert stores.notes.count_documents({}) == 1


def test_without_a_key_every_request_counts_and_nothing_is_kept(client, stores, database):
    """The header is optional, and costs nothing when it is absent."""
    for _ in range(2):
        assert client.post("/v1/notes", json={"title": "a"}).status_code == 201
    assert stores.notes.count_documents({}) == 2
    assert database["idempotency_keys"].count_documents({}) == 0


def test_a_key_belongs_to_one_body(client, stores):
    """The same key with another body, type or query is refused."""
    client.post("/v1/notes", json={"title": "a"}, headers=KEY)
    other = client.post("/v1/notes", json={"title": "b"}, headers=KEY)
    assert other.status_code == 422
    assert other.json["type"] == "/problems/idempotency-key-reused"
    typed = client.post(
        "/v1/notes", data=b'{"title": "a"}', content_type="application/json; charset=utf-8", headers=KEY
    )
    assert typed.status_code == 422
    assert stores.calls == ["a"]


def test_an_answer_is_not_given_again_to_who_lacks_the_credential(client):
    """A header that the view reads is part of the request: who guesses the key learns nothing."""
    opened = client.post("/v1/doors", headers={**KEY, "Door-Key": "sesame"})
    assert opened.json == {"opened": True}
    assert client.post("/v1/doors", headers={**KEY, "Door-Key": "sesame"}).json == {"opened": True}
    for guess in ({}, {"Door-Key": "barley"}):
        refused = client.post("/v1/doors", headers={**KEY, **guess})
        assert refused.status_code == 422
        assert refused.json["type"] == "/problems/idempotency-key-reused"


def test_keys_of_different_callers_do_not_meet(client, stores, bearer):
    """Two callers may choose the same key; each gets its own effect."""
    for headers in (KEY, {**KEY, **bearer(Role.PARTNER)}, {**KEY, **bearer(Role.PARTNER, subject="else")}):
        response = client.post("/v1/notes", json={"title": "a"}, headers=headers)
        assert "Idempotency-Replayed" not in response.headers
    assert stores.notes.count_documents({}) == 3


def test_a_refusal_is_an_answer_too(client, stores):
    """A 422 is kept and given again."""
    for replayed in (False, True):
        response = client.post("/v1/notes", json={"title": ""}, headers=KEY)
        assert response.status_code == 422
        assert response.content_type == "application/problem+json"
        assert ("Idempotency-Replayed" in response.headers) is replayed


@pytest.mark.parametrize("fault", [RuntimeError("x"), AutoReconnect("away")])
def test_a_failure_of_ours_is_not_kept(client, stores, fault):
    """After a 5xx the same key runs again."""
    stores.fault.append(fault)
    assert client.post("/v1/notes", json={"title": "a"}, headers=KEY).status_code in (500, 503)
    again = client.post("/v1/notes", json={"title": "a"}, headers=KEY)
    assert again.status_code == 201
    assert "Idempotency-Replayed" not in again.headers


def test_a_key_in_use_is_a_409(client, database, clock):
    """While the first request runs the second is told to wait."""
    client.post("/v1/notes", json={"title": "a"}, headers=KEY)
    from datetime import timedelta  # noqa: PLC0415

    database["idempotency_keys"].update_one(
        {}, {"$unset": {"answer": ""}, "$set": {"lease_until": clock.now() + timedelta(seconds=60)}}
    )
    waiting = client.post("/v1/notes", json={"title": "a"}, headers=KEY)
    assert waiting.status_code == 409
    assert waiting.headers["Retry-After"] == "1"


def test_after_a_crash_the_retry_meets_the_same_id(client, stores, database, clock):
    """A claim without an answer is taken over after its lease; its effect is not made again."""
    first = client.post("/v1/notes", json={"title": "a"}, headers=KEY)
    from datetime import timedelta  # noqa: PLC0415

    database["idempotency_keys"].update_one(
        {}, {"$unset": {"answer": ""}, "$set": {"lease_until": clock.now() + timedelta(seconds=60)}}
    )
    clock.advance(seconds=61)
    retried = client.post("/v1/notes", json={"title": "a"}, headers=KEY)
    assert retried.status_code == 201
    assert retried.json["id"] == first.json["id"]
    assert stores.calls == ["a", "a"]
    assert stores.notes.count_documents({}) == 1


def test_a_lost_claim_costs_work_but_no_second_effect(client, stores, database):
    """A server that crashes before its journal may forget the claim; the derived id still holds."""
    first = client.post("/v1/notes", json={"title": "a"}, headers=KEY)
    database["idempotency_keys"].delete_many({})
    second = client.post("/v1/notes", json={"title": "a"}, headers=KEY)
    assert first.json["id"] == second.json["id"]
    assert stores.notes.count_documents({}) == 1


def test_of_many_at_once_one_takes_effect(app, stores):
    """Eight requests with one key at the same moment: one note, and each answer is it or 409."""
    barrier = threading.Barrier(8)
    answers = []

    def send() -> None:
        client = app.test_client()
        barrier.wait()
        answers.append(client.post("/v1/notes", json={"title": "a"}, headers=KEY))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert stores.calls == ["a"]
    assert stores.notes.count_documents({}) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "k\u00e9y", "a\tb"])
def test_a_key_of_a_wrong_form_is_a_422(client, stores, key):
    """1 to 255 printable ASCII characters."""
    response = client.post("/v1/notes", json={"title": "a"}, environ_overrides={"HTTP_IDEMPOTENCY_KEY": key})
    assert response.status_code == 422
    assert response.json["errors"][0]["parameter"] == "Idempotency-Key"
    assert stores.calls == []


def test_old_keys_leave_by_themselves(database):
    """MongoDB drops keys 48 hours after they came."""
    expiry = database["idempotency_keys"].index_information()["expiry"]
    assert expiry["expireAfterSeconds"] == 48 * 3600


def test_keys_are_kept_as_digests(client, database):
    """What callers choose as keys may tell something; only digests are stored."""
    client.post("/v1/notes", json={"title": "a"}, headers={"Idempotency-Key": "sok@example.com"})
    kept = database["idempotency_keys"].find_one()
    assert isinstance(kept["_id"], bytes | Binary)
    assert "sok" not in str(kept["_id"])
