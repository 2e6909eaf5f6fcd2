"""Applying for a seat over HTTP, and what its owner, a stranger and the secretariat may do."""

from registration.domain.identity import manage_key


def _register(client, forum_id, body, **headers):
    return client.post(f"/v1/forums/{forum_id}/registrations", json=body, headers=headers)


def _key(config, client, registration, secretariat):
    shown = client.get(f"/v1/registrations/{registration['id']}", headers=secretariat).json
    return {"Manage-Key": manage_key(shown["person_id"], secret=config.key)}


def test_an_application_is_answered_with_a_seat_or_a_place_in_line(client, announce, application):
    """The first is confirmed, the next waits; the answer repeats nothing of the person."""
    forum = announce(capacity=1)
    first = _register(client, forum, application())
    second = _register(client, forum, application())
    assert first.status_code == second.status_code == 201
    assert first.json["status"] == "confirmed"
    assert (second.json["status"], second.json["place_in_line"], second.json["waitlist_number"]) == (
        "waitlisted",
        1,
        1,
    )
    assert "person" not in first.json
    seats = client.get(f"/v1/forums/{forum}").json["seats"]
    assert seats == {"capacity": 1, "taken": 1, "left": 0, "waiting": 1}


def test_the_same_request_again_takes_effect_once_and_gets_the_same_answer(client, announce, application):
    """The registration remembers its request: nothing else is written, and nothing else can be lost."""
    forum, body = announce(capacity=5), application()
    first = _register(client, forum, body, **{"Idempotency-Key": "one"})
    again = _register(client, forum, body, **{"Idempotency-Key": "one"})
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert client.get(f"/v1/forums/{forum}").json["seats"]["taken"] == 1


def test_the_first_answer_is_given_again_whatever_became_of_it(client, announce, application, secretariat):
    """Who waited and was promoted since is still told the place in line that the first answer named."""
    forum, body = announce(capacity=1), application()
    seated = _register(client, forum, application()).json
    first = _register(client, forum, body, **{"Idempotency-Key": "waits"})
    assert (first.json["status"], first.json["place_in_line"]) == ("waitlisted", 1)
    client.post(f"/v1/registrations/{seated['id']}/cancellation", headers=secretariat)
    assert (
        client.get(f"/v1/registrations/{first.json['id']}", headers=secretariat).json["status"] == "confirmed"
    )
    assert _register(client, forum, body, **{"Idempotency-Key": "waits"}).json == first.json


def test_a_key_that_comes_with_another_request_is_refused(client, announce, application):
    """Whoever sends another's key is told so, and learns nothing of them."""
    forum = announce(capacity=5)
    first = _register(client, forum, application(), **{"Idempotency-Key": "one"})
    other = _register(client, forum, application(), **{"Idempotency-Key": "one"})
    assert (other.status_code, other.json["type"]) == (422, "/problems/idempotency-key-reused")
    assert first.json["reference"] not in other.text
    assert client.get(f"/v1/forums/{forum}").json["seats"]["taken"] == 1


def test_a_second_registration_says_the_same_to_everybody(client, announce, application, secretariat):
    """The refusal names nobody; the secretariat alone is told which registration it is."""
    forum = announce(capacity=5)
    body = application(email="sok.dara@kid.example")
    first = _register(client, forum, body).json
    again = _register(client, forum, application(email="SOK.DARA@kid.example"))
    assert again.status_code == 409
    assert again.json["type"] == "/problems/already-registered"
    assert first["reference"] not in again.text
    told = _register(client, forum, application(email="sok.dara@kid.example"), **secretariat)
    assert first["reference"] in told.json["detail"]


def test_what_is_wrong_is_named_by_pointer(client, announce, application):
    """Every wrong field is named at once; nothing is stored."""
    forum = announce()
    body = application(email="nobody at all", phone="12-34", channels=["sms"], gender="x", surplus=1)
    answer = _register(client, forum, body)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json["errors"]} >= {
        "/email",
        "/phone",
        "/gender",
        "/surplus",
    }
    without = _register(client, forum, application(email=None))
    assert [error["pointer"] for error in without.json["errors"]] == ["/email"]
    channel = _register(client, forum, application(channels=["sms"]))
    assert [error["pointer"] for error in channel.json["errors"]] == ["/channels"]
    member = _register(client, forum, application(organization_id="nobody"))
    assert [error["pointer"] for error in member.json["errors"]] == ["/organization_id"]
    assert client.get(f"/v1/forums/{forum}").json["seats"]["taken"] == 0


def test_operators_are_text_or_nothing(client, announce, application):
    """A query operator where a text belongs is refused, and one inside a text is a text."""
    forum = announce()
    assert _register(client, forum, application(family_name={"$gt": ""})).status_code == 422
    answer = _register(client, forum, application(family_name="$where", organization="$taken.x"))
    assert answer.status_code == 201


def test_an_unknown_and_a_closed_forum(client, announce, application):
    """404 and 409; nothing is registered."""
    assert _register(client, "nowhere", application()).status_code == 404
    closed = announce(status="closed")
    answer = _register(client, closed, application())
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/registration-closed")


def test_only_the_owner_and_the_secretariat_see_a_registration(
    client, announce, application, secretariat, config
):
    """The key of the link opens it; another's key says the same as an unknown id."""
    forum = announce(capacity=5)
    mine = _register(client, forum, application(phone="012 345 678")).json
    other = _register(client, forum, application()).json
    path = f"/v1/registrations/{mine['id']}"
    assert client.get(path).status_code == 401
    assert client.get(path, headers={"Manage-Key": "wrong"}).status_code == 404
    assert client.get(path, headers=_key(config, client, other, secretariat)).status_code == 404
    seen = client.get(path, headers=_key(config, client, mine, secretariat))
    assert seen.status_code == 200
    assert seen.json["person"]["phone"] == "+85512345678"
    assert seen.json["person"]["channels"] == ["email", "sms"]
    listed = client.get(
        f"/v1/forums/{forum}/registrations?status=confirmed&limit=1", headers=secretariat
    ).json
    assert len(listed["items"]) == 1
    assert listed["next"]
    assert client.get(f"/v1/forums/{forum}/registrations").status_code == 401


def test_a_cancellation_moves_the_line_at_once(client, announce, application, secretariat, config):
    """The first in line has the seat as soon as the answer is there; cancelling again changes nothing."""
    forum = announce(capacity=1)
    first = _register(client, forum, application()).json
    second = _register(client, forum, application()).json
    third = _register(client, forum, application()).json
    key = _key(config, client, first, secretariat)
    path = f"/v1/registrations/{first['id']}/cancellation"
    assert client.post(path).status_code == 401
    assert client.post(path, headers={"Manage-Key": "wrong"}).status_code == 404
    for _ in range(2):
        answer = client.post(path, headers=key)
        assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    states = [
        client.get(f"/v1/registrations/{one['id']}", headers=secretariat).json for one in (second, third)
    ]
    assert [one["status"] for one in states] == ["confirmed", "waitlisted"]
    assert states[1]["place_in_line"] == 1
    assert client.get(f"/v1/forums/{forum}").json["seats"]["taken"] == 1


def test_statistics_count_and_name_nobody(client, announce, application, secretariat):
    """Gender by category by status and by organization; no person is in it."""
    forum = announce(capacity=1)
    _register(client, forum, application())
    _register(client, forum, application(gender="male", organization=None))
    found = client.get(f"/v1/forums/{forum}/statistics", headers=secretariat)
    assert found.json["totals"] == {"confirmed": 1, "waitlisted": 1, "cancelled": 0}
    assert found.json["by_gender_and_category"] == [
        {"gender": "female", "stakeholder_category": "local_government", "status": "confirmed", "count": 1},
        {"gender": "male", "stakeholder_category": "local_government", "status": "waitlisted", "count": 1},
    ]
    assert {one["organization"] for one in found.json["by_organization"]} == {
        "Commune Council of Sangkae",
        None,
    }
    assert "Sophea" not in found.text
    assert client.get(f"/v1/forums/{forum}/statistics").status_code == 401


def test_more_seats_move_the_line(client, announce, application, database, secretariat):
    """A forum that grows confirms who waits; one that shrinks takes nobody's seat."""
    forum = announce(capacity=1)
    registered = [_register(client, forum, application()).json for _ in range(3)]
    announce(forum_id=forum, version=2, capacity=2)
    from registration.service import SERVICE  # noqa: PLC0415

    jobs = SERVICE.periodic(
        database,
        client.application.extensions["vetika"].config,
        client.application.extensions["vetika"].clock,
    )
    for job in jobs:
        job.job()
    shown = [client.get(f"/v1/registrations/{one['id']}", headers=secretariat).json for one in registered]
    assert [one["status"] for one in shown] == ["confirmed", "confirmed", "waitlisted"]
    announce(forum_id=forum, version=3, capacity=1)
    announce(forum_id=forum, version=2, capacity=9)
    assert client.get(f"/v1/forums/{forum}").json["seats"] == {
        "capacity": 1,
        "taken": 2,
        "left": 0,
        "waiting": 1,
    }
