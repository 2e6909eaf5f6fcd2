"""A forum through the gateway, by the people who take part in it."""

import re

import requests
from outside.people import People

from vetika_cli.installation import SERVICES


def test_a_person_registers_and_is_told_and_cancels_by_the_link(
    deployment, hosted_office, mailpit, hosted_phone, eventually
):
    """Organization, forum, seat, mail and SMS, the page behind the link; and what partners may read of it."""
    anybody = deployment.caller()
    applied = anybody.post(
        "registration",
        "/v1/organizations",
        {
            "name": "Khmer Institute of Democracy",
            "acronym": "KID",
            "stakeholder_category": "local_ngo",
            "contact": {"name": "Secretary", "email": "office@kid.example"},
        },
    )
    member = hosted_office.secretariat.post("registration", f"/v1/organizations/{applied['id']}/admission")
    assert member["status"] == "admitted"
    forum = hosted_office.forum(seats=2)
    person = People().new(channels=["email", "sms"], language="km")
    receipt = anybody.post("registration", f"/v1/forums/{forum['id']}/registrations", person)
    assert receipt["status"] == "confirmed"

    (mail,) = eventually(lambda: mailpit.mails(person["email"]), seconds=90)
    assert "វិមជ្ឈការ និងយេនឌ័រ" in mail["Text"]
    (sms,) = eventually(lambda: hosted_phone.messages(person["phone"]), seconds=90)
    assert receipt["reference"] in sms["body"]
    # The provider's report comes in by the gateway, and its signature names the public address.
    path = f"/v1/deliveries?registration_id={receipt['id']}"
    eventually(
        lambda: (
            {
                (one["channel"], one["state"])
                for one in hosted_office.secretariat.get("notifications", path)["items"]
            }
            == {("email", "sent"), ("sms", "delivered")}
        ),
        seconds=90,
    )

    link = re.search(rf"{re.escape(deployment.url('registration'))}/m/\S+", mail["Text"]).group(0)
    with requests.Session() as browser:
        page = browser.get(f"{link}?step=cancel", timeout=10)
        form = re.search(r'action="([^"]+)"', page.text).group(1)
        assert form.startswith("/registration/m/")
        done = browser.post(f"http://localhost:{deployment.port}{form}", timeout=10)
    assert done.status_code == 200
    assert done.url.startswith(link)
    eventually(
        lambda: [one["status"] for one in hosted_office.registrations(forum["id"])] == ["cancelled"],
        seconds=60,
    )

    def told() -> list[str]:
        return [
            event["type"] for event in deployment.events() if event["data"].get("forum_id") == forum["id"]
        ]

    expected = {
        "forum.announced.v1",
        "registration.confirmed.v1",
        "registration.cancelled.v1",
        "delivery.sent.v1",
    }
    eventually(lambda: expected <= set(told()), seconds=60)
    everything = str(deployment.events())
    assert not [
        value for value in (person["email"], person["phone"], person["family_name"]) if value in everything
    ]


def test_each_service_sees_its_own_secrets_and_its_own_database(deployment):
    """Nobody's environment holds a secret; files and names of databases are there for one service only."""
    secrets = {
        path.relative_to(deployment.credentials.folder).as_posix(): path.read_text().strip()
        for path in deployment.credentials.folder.rglob("*")
        if path.is_file()
    }
    for container in deployment.containers(*[f"{service}-worker" for service in SERVICES]):
        service = container.service.removesuffix("-worker")
        environment = deployment.run_in(container, "env")
        assert not [name for name, secret in secrets.items() if secret in environment]
        mounted = deployment.run_in(container, "sh", "-c", "cat /run/secrets/*")
        others = {
            name: secret
            for name, secret in secrets.items()
            if not name.startswith((f"{service}/", "tokens/jwks"))
        }
        assert not [name for name, secret in others.items() if secret in mounted]
        assert secrets[f"{service}/mongodb-root-password"] not in mounted
        for other in SERVICES:
            resolved = f"import socket; socket.getaddrinfo('{other}-mongodb', 27017)"
            reached = deployment.run_in(
                container, "sh", "-c", f'python -c "{resolved}" 2>/dev/null && echo reached || echo no'
            ).strip()
            assert reached == ("reached" if other == service else "no")


def test_a_service_s_user_reads_and_writes_its_own_database_only(deployment):
    """Another database of the same server is refused, and so is another service's password."""
    (container,) = deployment.containers("meetings-worker")
    lines = (
        "import os, pymongo\n"
        "client = pymongo.MongoClient(open(os.environ['VETIKA_MONGODB_URI_FILE']).read().strip())\n"
        "client['dfwg_meetings'].command('ping')\n"
        "assert client['dfwg_meetings']['forums'].find_one()\n"
        "try:\n"
        "    client['dfwg_other']['forums'].find_one()\n"
        "except pymongo.errors.OperationFailure as error:\n"
        "    print(error.code)\n"
    )
    assert deployment.run_in(container, "python", "-c", lines).strip() == "13"  # Unauthorized
