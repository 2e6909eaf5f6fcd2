"""Organizations over HTTP: applying, being admitted, changing, leaving, and who sees what."""

import pytest

from vetika_kit.ids import new_id


@pytest.fixture
def applied(client):
    """An organization that asks to join; its body and its answer."""
    body = {
        "name": f"Institute {new_id()}",
        "acronym": new_id()[-6:],
        "stakeholder_category": "local_ngo",
        "contact": {"name": "Chan Maly", "email": "office@institute.example", "phone": "012 345 678"},
    }
    answer = client.post("/v1/organizations", json=body)
    assert answer.status_code == 201
    return body, answer.json


def _told(database, organization_id):
    stored = database["organizations"].find_one({"_id": organization_id})
    return stored["outbox"]["events"]


def test_an_organization_joins_and_leaves(client, applied, secretariat, database):
    """Each step is told once, with the public state and nobody's contact; a step again changes nothing."""
    _, made = applied
    path = f"/v1/organizations/{made['id']}"
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/departure", headers=secretariat).status_code == 409
    for _ in range(2):
        assert client.post(f"{path}/admission", headers=secretariat).json["status"] == "admitted"
    listed = client.get("/v1/organizations?limit=200").json["items"]
    assert "contact" not in next(one for one in listed if one["id"] == made["id"])
    for _ in range(2):
        assert client.post(f"{path}/departure", headers=secretariat).json["status"] == "departed"
    told = _told(database, made["id"])
    assert [one["type"] for one in told] == [
        "organization.applied.v1",
        "organization.admitted.v1",
        "organization.departed.v1",
    ]
    assert [one["data"]["version"] for one in told] == [1, 2, 3]
    assert "office@institute.example" not in str(told)


def test_one_organization_a_name(client, applied, secretariat):
    """A name is taken until its organization has left; capital letters make no other name."""
    body, made = applied
    again = {**body, "name": body["name"].upper()}
    assert client.post("/v1/organizations", json=again).status_code == 409
    for step in ("admission", "departure"):
        client.post(f"/v1/organizations/{made['id']}/{step}", headers=secretariat)
    assert client.post("/v1/organizations", json=again).status_code == 201
    back = client.post(f"/v1/organizations/{made['id']}/admission", headers=secretariat)
    assert (back.status_code, back.json["type"]) == (409, "/problems/organization-known")


def test_a_representative_changes_its_own_only(client, applied, bearer, secretariat, database):
    """With If-Match; another's representative finds nothing; contacts are told to nobody."""
    _, made = applied
    path = f"/v1/organizations/{made['id']}"
    own = bearer("organization", organization_id=made["id"])
    assert client.patch(path, json={"acronym": "X"}, headers=own).status_code == 428
    stale = {**own, "If-Match": '"9"'}
    assert client.patch(path, json={"acronym": "X"}, headers=stale).status_code == 412
    foreign = {**bearer("organization", organization_id="other"), "If-Match": '"1"'}
    assert client.patch(path, json={"acronym": "X"}, headers=foreign).status_code == 404
    changed = client.patch(path, json={"acronym": "NEW"}, headers={**own, "If-Match": '"1"'})
    assert (changed.status_code, changed.json["acronym"], changed.headers["ETag"]) == (200, "NEW", '"2"')
    contact = {"contact": {"name": "Sok", "email": "sok@institute.example"}}
    changed = client.patch(path, json=contact, headers={**secretariat, "If-Match": '"2"'})
    assert changed.json["contact"]["email"] == "sok@institute.example"
    assert [one["type"] for one in _told(database, made["id"])] == [
        "organization.applied.v1",
        "organization.updated.v1",
    ]
    assert client.get(path, headers=own).json["contact"]["name"] == "Sok"


def test_only_the_secretariat_lists_others_than_members(client, applied, secretariat):
    """Who asks to join is not public."""
    _, made = applied
    assert client.get("/v1/organizations?status=applied").status_code == 403
    listed = client.get("/v1/organizations?status=applied&limit=200", headers=secretariat).json["items"]
    assert made["id"] in [one["id"] for one in listed]


def test_a_member_is_recognized_by_name_and_acronym(client, applied, announce, application, secretariat):
    """Who writes a member's name, acronym or id comes for that member, and its limit counts them together."""
    body, made = applied
    client.post(f"/v1/organizations/{made['id']}/admission", headers=secretariat)
    forum = announce(capacity=9, seat_policy={"reserved": {}, "organization_limit": 2})
    client.application.extensions["vetika"].services.directory._until = 0.0
    answers = [
        client.post(f"/v1/forums/{forum}/registrations", json=application(**{"organization": None, **by}))
        for by in (
            {"organization": body["name"].lower()},
            {"organization": body["acronym"]},
            {"organization_id": made["id"]},
        )
    ]
    assert [one.json["status"] for one in answers] == ["confirmed", "confirmed", "waitlisted"]
    found = client.get(f"/v1/forums/{forum}/statistics", headers=secretariat).json["by_organization"]
    assert [(one["organization_id"], one["confirmed"], one["waitlisted"]) for one in found] == [
        (made["id"], 2, 1)
    ]
