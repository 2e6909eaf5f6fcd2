"""The four APIs with something in each, and nothing else running: what changes, a caller changed."""

from dataclasses import dataclass
from typing import Any

import pytest
from pymongo import MongoClient

from vetika_cli.caller import Caller
from vetika_cli.platform import Platform

EVERY_ROLE = ("secretariat", "operator", "organization", "partner", "participant")
ALIVE = (
    *("meetings-api", "meetings-relay"),
    *("registration-api", "registration-relay", "registration-worker"),
    *("notifications-api", "notifications-worker"),
    "recommendations-api",
)


@dataclass(frozen=True, kw_only=True)
class Apis:
    """The APIs, somebody who may do everything, and what there is."""

    platform: Platform
    insider: Caller
    ids: dict[str, str]  # by the name of the path's parameter

    def url(self, service: str) -> str:
        """The base of a service."""
        return self.platform.url(service)

    def content(self) -> dict[str, Any]:
        """A digest of everything that every service has stored, by service and collection."""
        found: dict[str, Any] = {}
        with MongoClient[dict[str, Any]](self.platform.installation.mongodb_uri) as client:
            for name in client.list_database_names():
                if name.startswith(f"{self.platform.installation.coalition}_"):
                    found[name] = client[name].command("dbHash")["collections"]
        return found


@pytest.fixture(scope="session")
def apis(tmp_path_factory, mongodb_uri, kafka_bootstrap, looking_at, people, clear, eventually):
    """The APIs, after one of everything came to be."""
    folder = tmp_path_factory.mktemp("apis")
    with Platform(folder, mongodb_uri=mongodb_uri, kafka_bootstrap=kafka_bootstrap) as platform:
        platform.start(*ALIVE, environment={"VETIKA_API_WORKERS": "1"})
        with looking_at(platform) as outside:
            ids = _filled(outside.office, outside.anybody, people, eventually)
        platform.stop(*(name for name in platform.running if not name.endswith("-api")))
        insider = platform.caller(*EVERY_ROLE, organization_id=ids["organization_id"])
        yield Apis(platform=platform, insider=insider, ids=ids)
    clear(platform)


def _filled(office, anybody, people, eventually):
    """Let there be one of everything; return the ids."""
    forum = office.forum(seats=1000)
    path = f"/v1/forums/{forum['id']}"
    receipt = anybody.post("registration", f"{path}/registrations", people.new())
    (registration,) = office.registrations(forum["id"])
    organization = anybody.post(
        "registration",
        "/v1/organizations",
        {
            "name": "Khmer Institute of Democracy",
            "stakeholder_category": "local_ngo",
            "contact": {"name": "Somebody", "email": "somebody@kid.example"},
        },
    )
    office.secretariat.post("registration", f"/v1/organizations/{organization['id']}/admission")
    imported = office.secretariat.request(
        "POST",
        "registration",
        f"{path}/imports",
        data=b"family_name,given_name,gender,stakeholder_category,language,email\n",
        headers={"Content-Type": "text/csv"},
    )
    assert imported.status_code == 201, imported.text
    drafted = office.secretariat.post(
        "recommendations",
        "/v1/recommendations",
        {
            "title": {"en": "Let councils keep what they collect"},
            "text": {"en": "Half of it, to begin with."},
            "addressed_to": "Ministry of Interior",
        },
    )
    query = {"registration_id": receipt["id"]}
    (delivery,) = eventually(
        lambda: office.secretariat.get("notifications", "/v1/deliveries", params=query)["items"], seconds=30
    )
    return {
        "forum_id": forum["id"],
        "registration_id": receipt["id"],
        "person_id": registration["person_id"],
        "organization_id": organization["id"],
        "import_id": imported.json()["id"],
        "recommendation_id": drafted["id"],
        "delivery_id": delivery["id"],
    }
