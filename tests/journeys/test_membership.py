"""Organizations join the coalition, host forums and leave."""

import secrets

import pytest


@pytest.fixture
def applied(anybody, people):
    """An organization that has applied."""
    contact = people.new()
    name = f"Institute {secrets.token_hex(4)}"
    return anybody.post(
        "registration",
        "/v1/organizations",
        {
            "name": name,
            "acronym": name.split()[1].upper(),
            "stakeholder_category": "local_ngo",
            "contact": {
                "name": f"{contact['family_name']} {contact['given_name']}",
                "email": contact["email"],
                "phone": contact["phone"],
            },
        },
    )


def test_an_organization_applies_is_admitted_and_leaves(applied, office, anybody, partner, eventually):
    """Only members are shown to everybody; partners hear every step, without the contact."""
    path = f"/v1/organizations/{applied['id']}"
    assert applied["status"] == "applied"
    assert "contact" not in applied
    assert anybody.request("GET", "registration", path).status_code == 404

    admitted = office.secretariat.post("registration", f"{path}/admission")
    assert admitted["status"] == "admitted"
    shown = anybody.get("registration", path)
    assert shown["name"] == applied["name"]
    assert "contact" not in shown
    assert office.secretariat.get("registration", path)["contact"]["email"].endswith("@people.example")

    assert office.secretariat.post("registration", f"{path}/departure")["status"] == "departed"
    assert anybody.request("GET", "registration", path).status_code == 404
    eventually(lambda: len(partner.heard(subject=applied["id"])) == 3)
    assert [event["type"] for event in partner.heard(subject=applied["id"])] == [
        "organization.applied.v1",
        "organization.admitted.v1",
        "organization.departed.v1",
    ]


def test_a_member_hosts_a_forum_of_its_own(applied, office, platform, eventually):
    """Once it is admitted, its representative drafts and announces; what it drafts is its own."""
    representative = platform.caller("organization", organization_id=applied["id"])
    plan = office.announced(seats=30)
    draft = {name: plan[name] for name in ("theme", "starts_at", "ends_at", "venue", "capacity")}
    assert representative.request("POST", "meetings", "/v1/forums", json=draft).status_code == 422

    office.secretariat.post("registration", f"/v1/organizations/{applied['id']}/admission")
    drafted = eventually(lambda: _made(representative, draft))
    assert drafted["host_organization_id"] == applied["id"]
    announced = representative.post("meetings", f"/v1/forums/{drafted['id']}/announcement")
    assert announced["status"] == "announced"
    eventually(lambda: office.status(drafted["id"]) == "announced")


def _made(caller, draft):
    """Meetings hears of the admission a moment later."""
    answer = caller.request("POST", "meetings", "/v1/forums", json=draft)
    return answer.json() if answer.ok else None
