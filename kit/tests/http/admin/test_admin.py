"""What operators see and do, on every service."""

import base64
import json
from datetime import timedelta

import pytest

from vetika_kit.http.access import Role
from vetika_kit.ids import new_id


@pytest.fixture
def operator(bearer):
    """Headers of an operator."""
    return bearer(Role.OPERATOR, subject="op-1")


def _letter(clock, offset: int = 1, **changes):
    topic = changes.pop("topic", "dfwg.registration.events.v1")
    return {
        "_id": f"{topic}/0/{offset}",
        "group": "dfwg.tiny",
        "topic": topic,
        "partition": 0,
        "offset": offset,
        "key": "k",
        "headers": [["ce_type", base64.b64encode(b"a.b.v1").decode()]],
        "value": b'{"broken": ',
        "type": "a.b.v1",
        "event_id": "e-1",
        "reason": "unreadable",
        "error": "ValueError: sok@example.com",
        "stack": "Traceback…\nValueError: +85512345678",
        "failed_at": clock.now(),
        "attempts": 1,
        "state": "dead",
    } | changes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/outbox"),
        ("GET", "/admin/consumers"),
        ("POST", "/admin/consumers/resumption"),
        ("GET", "/admin/dead-letters"),
        ("GET", "/admin/dead-letters/a:0:1"),
        ("POST", "/admin/dead-letters/a:0:1/replay"),
        ("POST", "/admin/dead-letters/a:0:1/discard"),
        ("GET", "/admin/configuration"),
        ("GET", "/admin/audit"),
    ],
)
def test_everything_under_admin_is_for_operators(client, bearer, method, path):
    """Nobody else, the secretariat included."""
    assert client.open(path, method=method).status_code == 401
    assert client.open(path, method=method, headers=bearer(Role.SECRETARIAT, Role.PARTNER)).status_code == 403


def test_the_outbox_shows_what_waits_and_who_publishes(client, operator, database, stores, clock):
    """Waiting documents and the oldest one's age, relays that live, leases of shards."""
    stores.notes.insert_many(
        [{"_id": f"n{age}", "outbox": {"since": clock.now() - timedelta(seconds=age)}} for age in (5, 20)]
    )
    stores.notes.insert_one({"_id": "done", "outbox": {"seq": 1}})
    later = clock.now() + timedelta(hours=1)
    database["relay_leases"].replace_one(
        {"_id": 7}, {"owner": "relay-1", "expires_at": later, "epoch": 3}, upsert=True
    )
    database["relay_members"].replace_one({"_id": "relay-1"}, {"expires_at": later}, upsert=True)
    database["relay_members"].replace_one(
        {"_id": "relay-0"}, {"expires_at": clock.now() - timedelta(hours=1)}, upsert=True
    )
    shown = client.get("/admin/outbox", headers=operator).json
    assert shown["waiting"] == [{"collection": "notes", "documents": 2, "oldest_seconds": 20.0}]
    assert [relay["owner"] for relay in shown["relays"]] == ["relay-1"]
    assert shown["shards"][0]["shard"] == 7
    assert shown["shards"][0]["epoch"] == 3


def test_consumers_show_lag_and_a_halted_group_can_be_resumed(client, operator, database, config, clock):
    """Positions as the workers report them; resuming clears the halt once."""
    group = f"{config.coalition}.tiny"
    database["positions"].insert_one(
        {
            "_id": "t/0",
            "group": group,
            "topic": "t",
            "partition": 0,
            "offset": 5,
            "at": clock.now(),
        }
    )
    database["consumer_reports"].insert_one({"_id": "t/0", "end": 9, "lag": 4, "reported_at": clock.now()})
    database["consumer_state"].insert_one(
        {"_id": group, "state": "halted", "reason": "too many died", "at": clock.now()}
    )
    shown = client.get("/admin/consumers", headers=operator).json
    assert (shown["state"], shown["reason"]) == ("halted", "too many died")
    assert (shown["positions"][0]["lag"], shown["positions"][0]["end"]) == (4, 9)
    resumed = client.post("/admin/consumers/resumption", headers=operator)
    assert resumed.json["state"] == "running"
    assert database["consumer_state"].find_one({"_id": group})["state"] == "running"
    assert client.post("/admin/consumers/resumption", headers=operator).status_code == 409


def test_dead_letters_are_listed_by_state_and_type(client, operator, database, clock):
    """Pages with filters; contact data in error texts does not show."""
    database["dead_letters"].insert_many(
        [_letter(clock, 1), _letter(clock, 2, state="discarded"), _letter(clock, 3, type="c.d.v1")]
    )

    def listed(query: str) -> list[int]:
        answer = client.get(f"/admin/dead-letters{query}", headers=operator)
        assert "sok" not in answer.text
        return [letter["offset"] for letter in answer.json["items"]]

    assert listed("") == [1, 2, 3]
    assert listed("?state=dead") == [1, 3]
    assert listed("?state=dead&type=a.b.v1") == [1]
    assert client.get("/admin/dead-letters?state=alive", headers=operator).status_code == 422
    assert client.get("/admin/dead-letters?limit=1", headers=operator).json["next"]


def test_a_dead_letter_is_shown_whole(client, operator, database, clock):
    """Value, headers and stack, with size and digest."""
    database["dead_letters"].insert_one(_letter(clock))
    [listed] = client.get("/admin/dead-letters", headers=operator).json["items"]
    shown = client.get(f"/admin/dead-letters/{listed['id']}", headers=operator).json
    assert shown["value"] == '{"broken": '
    assert shown["headers"] == {"ce_type": "a.b.v1"}
    assert shown["size"] == 11
    assert len(shown["sha256"]) == 64
    assert "Traceback" in shown["stack"]
    assert "345678" not in shown["stack"]
    for missing in ("nothing", "a:b:c", "x" * 400, "%24ne"):
        assert client.get(f"/admin/dead-letters/{missing}", headers=operator).status_code == 404


def test_a_letter_of_the_contacts_topic_shows_no_person(client, operator, database, clock):
    """Of a contact only size and digest are shown, in the list and alone."""
    contact = {"family_name": "Sok", "phone": "+85512345678"}
    database["dead_letters"].insert_one(
        _letter(
            clock,
            topic="dfwg.registration.contacts.v1",
            value=json.dumps(contact).encode(),
            error="ValidationError: {'family_name': 'Sok is bad'}",
            stack="…Sok…",
        )
    )
    listed = client.get("/admin/dead-letters", headers=operator)
    shown = client.get(f"/admin/dead-letters/{listed.json['items'][0]['id']}", headers=operator)
    for answer in (listed, shown):
        assert "Sok" not in answer.text
        assert "345678" not in answer.text
    assert shown.json["redacted"] is True
    assert shown.json["value"] is None
    assert shown.json["error"] == "ValidationError"
    assert shown.json["size"] > 0


def test_a_tombstone_that_died_can_be_shown(client, operator, database, clock):
    """A record without a value has size 0."""
    database["dead_letters"].insert_one(_letter(clock, value=None))
    [listed] = client.get("/admin/dead-letters", headers=operator).json["items"]
    shown = client.get(f"/admin/dead-letters/{listed['id']}", headers=operator).json
    assert (shown["value"], shown["size"]) == (None, 0)


def test_a_letter_is_decided_on_once(client, operator, database, clock):
    """Replay asks the workers; what was asked for or discarded is not decided again."""
    database["dead_letters"].insert_many([_letter(clock, 1), _letter(clock, 2)])
    first, second = (
        letter["id"] for letter in client.get("/admin/dead-letters", headers=operator).json["items"]
    )
    replayed = client.post(f"/admin/dead-letters/{first}/replay", headers=operator)
    assert replayed.status_code == 202
    assert replayed.json["state"] == "replay_requested"
    discarded = client.post(f"/admin/dead-letters/{second}/discard", headers=operator)
    assert discarded.json["state"] == "discarded"
    for letter in (first, second):
        for decision in ("replay", "discard"):
            again = client.post(f"/admin/dead-letters/{letter}/{decision}", headers=operator)
            assert again.status_code == 409
            assert again.json["type"] == "/problems/dead-letter-decided"
    assert client.post("/admin/dead-letters/x:0:1/replay", headers=operator).status_code == 404


def test_a_letter_that_died_again_can_be_decided_on_again(client, operator, database, clock):
    """A replay that failed leaves a dead letter like any other."""
    database["dead_letters"].insert_one(_letter(clock))
    [listed] = client.get("/admin/dead-letters", headers=operator).json["items"]
    client.post(f"/admin/dead-letters/{listed['id']}/replay", headers=operator)
    database["dead_letters"].update_one({}, {"$set": {"state": "dead"}})
    assert client.post(f"/admin/dead-letters/{listed['id']}/discard", headers=operator).status_code == 200


def test_the_configuration_shows_no_secret(client, operator, config, mongodb_uri):
    """Settings in effect, of a secret only that it is set."""
    answer = client.get("/admin/configuration", headers=operator)
    settings = {setting["name"]: setting["value"] for setting in answer.json["settings"]}
    assert settings["coalition"] == config.coalition
    assert settings["mongodb_uri"] == "set"
    assert settings["kafka_password"] == "unset"
    assert mongodb_uri not in answer.text


def test_what_an_operator_does_is_written_down_before_it_is_done(
    client, operator, database, clock, monkeypatch
):
    """Who, what, when, with which request and outcome; an act that dies in between stays as begun."""
    database["dead_letters"].insert_one(_letter(clock))
    [listed] = client.get("/admin/dead-letters", headers=operator).json["items"]
    path = f"/admin/dead-letters/{listed['id']}/replay"
    client.post(path, headers={**operator, "X-Request-Id": "console-01"})
    client.post(path, headers={**operator, "X-Request-Id": "console-02"})
    refused, done = client.get("/admin/audit", headers=operator).json["items"]
    assert done["subject"] == "op-1"
    assert done["action"] == "dead_letters.replay"
    assert done["target"] == {"letter_id": listed["id"]}
    assert (done["request_id"], done["outcome"]) == ("console-01", "done")
    assert (refused["request_id"], refused["outcome"]) == ("console-02", "refused")

    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    monkeypatch.setattr("vetika_kit.admin.dead_letters.DeadLetterDesk.request_replay", die)
    with pytest.raises(Killed):
        client.post(path, headers=operator)
    assert client.get("/admin/audit?limit=1", headers=operator).json["items"][0]["outcome"] == "begun"


def test_an_unexpected_failure_is_in_the_audit_log_too(client, operator, database, clock, monkeypatch):
    """A 500 leaves an entry that says failed."""

    def fail(*_, **__):
        raise RuntimeError

    monkeypatch.setattr("vetika_kit.admin.dead_letters.DeadLetterDesk.discard", fail)
    assert client.post("/admin/dead-letters/x:0:1/discard", headers=operator).status_code == 500
    assert client.get("/admin/audit?limit=1", headers=operator).json["items"][0]["outcome"] == "failed"


def test_a_repeated_request_is_one_act(client, operator, database, clock):
    """With an Idempotency-Key the second answer is a repetition, and the log holds one entry."""
    database["dead_letters"].insert_one(_letter(clock))
    [listed] = client.get("/admin/dead-letters", headers=operator).json["items"]
    headers = {**operator, "Idempotency-Key": new_id()}
    for _ in range(2):
        assert client.post(f"/admin/dead-letters/{listed['id']}/replay", headers=headers).status_code == 202
    assert database["audit"].count_documents({}) == 1
