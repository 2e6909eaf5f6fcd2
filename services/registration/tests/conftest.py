"""What the tests of registration stand on: its stores on the real MongoDB, and applications to make."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from types import SimpleNamespace

import pytest

from registration.admissions import Admissions
from registration.app import create_app
from registration.config import RegistrationConfig
from registration.consumes import ForumHeard, learn_of_a_forum
from registration.domain.applications import (
    Affiliation,
    OrganizationChoice,
    Person,
    RegistrationForm,
)
from registration.domain.categories import (
    Channel,
    ForumStatus,
    Gender,
    Language,
    RegistrationStatus,
    StakeholderCategory,
)
from registration.domain.placement import SeatPolicy
from registration.service import SERVICE
from registration.settlement import Settlement, Sweeper
from registration.store.drafting import Draft
from registration.store.forums import HeardForums
from registration.store.ledger import Ledgers, following
from registration.store.registrations import Registrations
from vetika_kit.config import Mode
from vetika_kit.events import Received
from vetika_kit.http.tokens import issue, new_private_key, public_key_set
from vetika_kit.ids import new_id
from vetika_kit.inbox import UnitOfWork

SECRET = b"a secret of the tests"
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Applicant:
    """Makes drafts of applications; every one is another person unless told otherwise."""

    forum_id: str

    def draft(
        self,
        *,
        registration_id=None,
        email=None,
        phone=None,
        category=StakeholderCategory.CBO,
        organization=None,
    ):
        """An application of a person of their own."""
        number = next(_numbers)
        if email is None and phone is None:
            email = f"person{number}@people.example"
        form = RegistrationForm(
            person=Person(
                family_name="Chea",
                given_name=f"Sophea {number}",
                gender=Gender.FEMALE,
                email=email,
                phone=phone,
                language=Language.KHMER,
                channels=(Channel.EMAIL,) if email else (Channel.SMS,),
            ),
            organization=OrganizationChoice(name=organization),
            stakeholder_category=category,
        )
        return Draft(
            registration_id=registration_id or new_id(),
            forum_id=self.forum_id,
            form=form,
            affiliation=Affiliation(name=organization),
        )


@pytest.fixture
def database(mongo_database):
    """The service's database."""
    return mongo_database("registration")


@pytest.fixture
def rooms(database, clock):
    """The stores and use cases, put together as the composition root does."""
    ledgers = Ledgers(database)
    registrations = Registrations(database, clock=clock)
    registrations.ensure_indexes()
    settlement = Settlement(ledgers=ledgers, registrations=registrations, clock=clock)
    return SimpleNamespace(
        database=database,
        clock=clock,
        ledgers=ledgers,
        registrations=registrations,
        settlement=settlement,
        admissions=Admissions(
            ledgers=ledgers, registrations=registrations, settlement=settlement, secret=SECRET, clock=clock
        ),
        sweeper=Sweeper(ledgers=ledgers, registrations=registrations, settlement=settlement, clock=clock),
    )


@pytest.fixture
def open_forum(rooms) -> Callable[..., Applicant]:
    """`open_forum(capacity=2)` makes a forum of its own that takes registrations."""
    versions = count(1)

    def open_(
        *,
        capacity=2,
        reserved=None,
        release_at=None,
        organization_limit=None,
        status=ForumStatus.OPEN,
        forum_id=None,
    ):
        forum_id = forum_id or new_id()
        policy = SeatPolicy(
            capacity=capacity,
            reserved=reserved or {},
            release_at=release_at,
            organization_limit=organization_limit,
        )
        rooms.ledgers.collection.bulk_write(
            [following(forum_id, version=next(versions), policy=policy, status=status, now=rooms.clock.now())]
        )
        return Applicant(forum_id=forum_id)

    return open_


@pytest.fixture
def balanced(rooms) -> Callable[[str], dict]:
    """`balanced(forum_id)` asserts that ledger and registrations say the same, and returns the ledger."""

    def check(forum_id):
        ledger = rooms.ledgers.collection.find_one({"_id": forum_id})
        found = list(rooms.registrations.collection.find({"forum_id": forum_id, "active": True}))
        confirmed = [one for one in found if one["status"] == RegistrationStatus.CONFIRMED]
        waitlisted = {one["ticket"]: one for one in found if one["status"] == RegistrationStatus.WAITLISTED}
        assert ledger["taken"] == len(confirmed)
        assert sum(ledger["taken_by_category"].values()) == len(confirmed)
        assert [one["ticket"] for one in ledger["waitlist"]] == [
            one["ticket"] for one in sorted(waitlisted.values(), key=lambda one: one["waitlist_number"])
        ]
        assert ledger["taken"] <= max(ledger["policy"]["capacity"], len(confirmed))
        organizations = [one["organization"]["key"] for one in confirmed if one["organization"]["key"]]
        assert {name: seats for name, seats in ledger["taken_by_organization"].items() if seats} == {
            name: organizations.count(name) for name in set(organizations)
        }
        return ledger

    return check


KEY = new_private_key(kid="test")


@pytest.fixture(scope="module")
def config(coalition, mongodb_uri, kafka_bootstrap, tmp_path_factory):
    """The service's settings."""
    file = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_text(json.dumps(public_key_set(KEY)), encoding="utf-8")
    return RegistrationConfig(
        coalition=coalition,
        mode=Mode.HOSTED,
        mongodb_uri=mongodb_uri,
        kafka_bootstrap=(kafka_bootstrap,),
        jwks_file=str(file),
        public_url="https://vetika.example",
        manage_secret="a secret of the tests, long enough to be one",
    )


@pytest.fixture
def app(config, database, clock):
    """The API."""
    SERVICE.prepare(database, coalition=config.coalition, clock=clock)
    return create_app(config, database=database, clock=clock)


@pytest.fixture
def client(app):
    """A caller without a token."""
    return app.test_client()


@pytest.fixture
def bearer(clock, config):
    """`bearer("secretariat")` makes the header of a caller with these roles."""

    def make(*roles, organization_id=None):
        token = issue(
            key=KEY,
            subject="somebody",
            roles=roles,
            issuer=config.token_issuer,
            audience=config.token_audience,
            now=clock.now(),
            lifetime=timedelta(hours=1),
            organization_id=organization_id,
        )
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture
def secretariat(bearer):
    """The header of the secretariat."""
    return bearer("secretariat")


@pytest.fixture
def announce(mongo_client, database, clock):
    """`announce(capacity=2)` lets the service hear of a forum; returns its id."""

    def hear(*, forum_id=None, version=1, status="open", capacity=2, seat_policy=None, **changes):
        forum_id = forum_id or new_id()
        data = {
            "forum_id": forum_id,
            "version": version,
            "status": status,
            "theme": {"en": "Decentralization and Gender", "km": "វិមជ្ឈការ និងយេនឌ័រ"},
            "description": None,
            "date": "2027-03-10",
            "starts_at": "2027-03-10T01:00:00Z",
            "ends_at": "2027-03-10T10:00:00Z",
            "venue": {
                "name": {"en": "Sunway Hotel", "km": "សណ្ឋាគារ សាន់វ៉េ"},
                "address": {"en": "No. 1, Street 92, Phnom Penh"},
            },
            "capacity": capacity,
            "host_organization_id": None,
            "registration_opens_at": None,
            "registration_closes_at": None,
            "seat_policy": seat_policy or {"reserved": {}, "release_at": None, "organization_limit": None},
            **changes,
        }
        event = Received(
            id=new_id(),
            type="forum.updated.v1",
            source="/test/meetings",
            subject=forum_id,
            time=clock.now(),
            data=ForumHeard().load(data),
            key=forum_id,
        )
        with mongo_client.start_session() as session, session.start_transaction():
            work = UnitOfWork(database=database, session=session, clock=clock)
            learn_of_a_forum(event, forums=HeardForums(work=work))
            work.flush()
        return forum_id

    return hear


@pytest.fixture
def application():
    """`application(email=…)` makes the body of an application."""

    def make(**changes):
        return {
            "family_name": "Chea",
            "given_name": "Sophea",
            "name_km": "ជា សុភា",
            "gender": "female",
            "email": f"{new_id()}@people.example",
            "language": "km",
            "organization": "Commune Council of Sangkae",
            "stakeholder_category": "local_government",
            **changes,
        }

    return make
