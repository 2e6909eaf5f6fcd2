"""Meetings on the real servers."""

from datetime import timedelta

import pytest

from meetings.service import SERVICE
from meetings.store.organizations import ORGANIZATIONS
from vetika_kit.http.principals import Role


@pytest.fixture
def meetings(under_test, clock):
    """Meetings at the test's clock; members are `o-host` and `o-other`, and `o-gone` left."""
    meetings = under_test(SERVICE, clock=clock)
    known = (("o-host", "admitted"), ("o-other", "admitted"), ("o-gone", "departed"))
    for id_, status in known:
        heard = {"_id": id_, "version": 1, "name": id_, "acronym": None, "status": status}
        meetings.database[ORGANIZATIONS].replace_one({"_id": id_}, heard, upsert=True)
    return meetings


@pytest.fixture
def secretariat(meetings):
    """The secretariat as a caller."""
    return meetings.client(Role.SECRETARIAT)


@pytest.fixture
def host(meetings):
    """A representative of `o-host` as a caller."""
    return meetings.client(Role.ORGANIZATION, organization_id="o-host")


@pytest.fixture
def other(meetings):
    """A representative of `o-other` as a caller."""
    return meetings.client(Role.ORGANIZATION, organization_id="o-other")


@pytest.fixture
def anybody(meetings):
    """A caller without a token."""
    return meetings.client()


@pytest.fixture
def plan(clock):
    """A forum a hundred days ahead, nine hours from eight in the morning in Phnom Penh."""
    start = clock.now().replace(hour=1, minute=0, second=0, microsecond=0) + timedelta(days=100)

    def moment(**before):
        return (start - timedelta(**before)).isoformat()

    return {
        "theme": {"en": "Decentralization and Gender", "km": "វិមជ្ឈការ និងយេនឌ័រ"},
        "description": {"en": "What councils learned.\nAnd what they ask for."},
        "starts_at": start.isoformat(),
        "ends_at": moment(hours=-9),
        "venue": {"name": {"en": "Phnom Penh"}, "address": {"en": "No. 1, Street 92"}},
        "capacity": 200,
        "host_organization_id": "o-host",
        "registration_opens_at": moment(days=40),
        "registration_closes_at": moment(days=2),
        "seat_policy": {
            "reserved": {"local_government": 60, "cbo": 20},
            "release_at": moment(days=7),
            "organization_limit": 5,
        },
    }


@pytest.fixture
def drafted(secretariat, plan):
    """A draft, as its maker is shown it."""
    return secretariat.post("/v1/forums", json=plan).json


@pytest.fixture
def announced(secretariat, drafted):
    """An announced forum."""
    return secretariat.post(f"/v1/forums/{drafted['id']}/announcement").json
