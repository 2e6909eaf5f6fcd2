"""The right to be forgotten: what goes, what stays, and that nobody comes back by a late record."""

import pytest

from registration.service import SERVICE


@pytest.fixture
def see_through(app, database, config, clock):
    """`see_through()` runs the worker's erasure job once."""
    jobs = {job.name: job.job for job in SERVICE.periodic(database, config, clock)}
    return jobs["see_erasures_through"]


@pytest.fixture
def person(client, announce, application, database):
    """Somebody with registrations in two forums; their id, their e-mail address and the forums."""
    forums = [announce(capacity=5) for _ in range(2)]
    body = application(dietary="no peanuts")
    for forum in forums:
        assert client.post(f"/v1/forums/{forum}/registrations", json=body).status_code == 201
    stored = database["registrations"].find_one({"person.email": body["email"]})
    return stored["person_id"], body, forums


def _relayed(database):
    """As if the relay had published all that waits."""
    for name in SERVICE.outboxes:
        database[name].update_many({}, {"$set": {"outbox.events": []}, "$unset": {"outbox.since": ""}})


def _tombstones(database, person_id):
    found = database["erasures"].find_one({"_id": person_id})["outbox"]["events"]
    return [one for one in found if one["type"] == "contact.erased.v1"]


def test_everything_that_tells_who_it_was_goes(client, person, database, secretariat):
    """All registrations lose the person; statistics stay; the tombstone is on its way; again is fine."""
    who, body, forums = person
    before = client.get(f"/v1/forums/{forums[0]}/statistics", headers=secretariat).json
    assert client.delete(f"/v1/people/{who}").status_code == 401
    for _ in range(2):
        assert client.delete(f"/v1/people/{who}", headers=secretariat).status_code == 204
    stored = list(database["registrations"].find({"person_id": who}, {"outbox": False}))
    assert len(stored) == 2
    assert body["email"] not in str(stored)
    assert "Sophea" not in str(stored)
    assert "peanuts" not in str(stored)
    assert client.get(f"/v1/forums/{forums[0]}/statistics", headers=secretariat).json == before
    assert len(_tombstones(database, who)) == 1
    shown = client.get(f"/v1/registrations/{stored[0]['_id']}", headers=secretariat)
    assert (shown.status_code, shown.json["person"]) == (200, None)
    assert client.delete("/v1/people/nobody", headers=secretariat).status_code == 404


def test_the_tombstone_comes_again_after_the_longest_lease(
    client, person, database, secretariat, see_through, clock, config
):
    """Counted from when no record of the person waits to leave; then the erasure is over."""
    who, _, _ = person
    client.delete(f"/v1/people/{who}", headers=secretariat)
    see_through()
    clock.advance(seconds=2 * config.erasure_repeat)
    see_through()
    _relayed(database)
    see_through()
    assert _tombstones(database, who) == []
    clock.advance(seconds=config.erasure_repeat)
    see_through()
    assert len(_tombstones(database, who)) == 1
    assert database["erasures"].find_one({"_id": who})["open"]
    _relayed(database)
    see_through()
    assert not database["erasures"].find_one({"_id": who})["open"]


def test_who_comes_back_stays(
    client, person, database, secretariat, see_through, clock, config, announce, application
):
    """A person who registers anew keeps that registration; their contact is told behind the tombstone."""
    who, body, _ = person
    client.delete(f"/v1/people/{who}", headers=secretariat)
    clock.advance(seconds=1)
    anew = announce(capacity=5)
    made = client.post(f"/v1/forums/{anew}/registrations", json=body).json
    for _ in range(4):
        _relayed(database)
        see_through()
        clock.advance(seconds=config.erasure_repeat)
    stored = database["registrations"].find_one({"_id": made["id"]})
    assert stored["person"]["email"] == body["email"]
    assert not database["erasures"].find_one({"_id": who})["open"]
    assert [one["type"] for one in stored["outbox"]["events"]] == []
    assert stored["version"] == 2


def test_a_crash_on_the_way_is_finished_by_the_worker(app, person, database, see_through, clock):
    """The erasure is written first; whoever dies then leaves the rest to the worker."""
    who, body, _ = person
    app.extensions["vetika"].services.erasing._erasures.begin(who, now=clock.now())
    see_through()
    stored = list(database["registrations"].find({"person_id": who}, {"outbox": False}))
    assert body["email"] not in str(stored)


def test_who_was_erased_may_still_be_moved_up(client, announce, application, database, secretariat):
    """Erasing takes a name, not a place in line."""
    forum = announce(capacity=1)
    first, second = (
        client.post(f"/v1/forums/{forum}/registrations", json=application()).json for _ in range(2)
    )
    who = database["registrations"].find_one({"_id": second["id"]})["person_id"]
    client.delete(f"/v1/people/{who}", headers=secretariat)
    client.post(f"/v1/registrations/{first['id']}/cancellation", headers=secretariat)
    shown = client.get(f"/v1/registrations/{second['id']}", headers=secretariat).json
    assert (shown["status"], shown["person"]) == ("confirmed", None)
