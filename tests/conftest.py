"""A whole platform, and those who look at it from outside (`outside/`)."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient
from outside.mailbox import Mailbox
from outside.office import Office
from outside.partner import Partner
from outside.people import People
from outside.phone import Phone
from pymongo import MongoClient

from vetika_cli.caller import Caller
from vetika_cli.platform import Platform
from vetika_cli.topology import declared_topics
from vetika_kit.topics import Topics

# So that what is left half-way is settled while a test waits for it.
QUICK = {"VETIKA_HOLD_LIMIT": "1", "VETIKA_RETRY_FIRST": "0.5"}


@pytest.fixture(scope="session")
def platform(tmp_path_factory, mongodb_uri, kafka_bootstrap) -> Iterator[Platform]:
    """Every process of an installation, on the run's servers; who ends one starts it again."""
    folder = tmp_path_factory.mktemp("platform")
    with Platform(
        folder, mongodb_uri=mongodb_uri, kafka_bootstrap=kafka_bootstrap, environment=QUICK
    ) as platform:
        platform.start()
        yield platform
    forget(platform)


def forget(platform: Platform) -> None:
    """Take away what a platform left on servers that others use too."""
    coalition = platform.installation.coalition
    with MongoClient[dict[str, Any]](platform.installation.mongodb_uri) as client:
        for database in client.list_database_names():
            if database.startswith(f"{coalition}_"):
                client.drop_database(database)
    admin = KafkaAdminClient(bootstrap_servers=platform.installation.kafka_bootstrap)
    admin.delete_topics([spec.name for spec in declared_topics(coalition)])
    admin.close()


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Everybody who looks at a platform from outside."""

    office: Office
    anybody: Caller
    mailbox: Mailbox
    phone: Phone
    partner: Partner


@contextmanager
def outside_of(platform: Platform, eventually: Callable[..., Any]) -> Iterator[Outside]:
    """Look at a platform for as long as a block runs."""
    partner = Partner(platform)
    try:
        yield Outside(
            office=Office(secretariat=platform.caller("secretariat"), eventually=eventually),
            anybody=platform.caller(),
            mailbox=Mailbox(platform.url("mailbox")),
            phone=Phone(platform.url("phone")),
            partner=partner,
        )
    finally:
        partner.close()


@pytest.fixture(scope="session")
def looking_at(eventually) -> Callable[[Platform], AbstractContextManager[Outside]]:
    """`looking_at(platform)`: those who look at a platform that a test started for itself."""
    return lambda platform: outside_of(platform, eventually)


@pytest.fixture(scope="session")
def clear() -> Callable[[Platform], None]:
    """`clear(platform)`: take away what a platform left on the run's servers."""
    return forget


@pytest.fixture(scope="session")
def people() -> People:
    """Applications of people."""
    return People()


@pytest.fixture(scope="session")
def outside(platform, looking_at) -> Iterator[Outside]:
    """Those who look at the platform."""
    with looking_at(platform) as outside:
        yield outside


@pytest.fixture(scope="session")
def office(outside) -> Office:
    """The secretariat."""
    return outside.office


@pytest.fixture(scope="session")
def anybody(outside) -> Caller:
    """A caller without a token."""
    return outside.anybody


@pytest.fixture(scope="session")
def mailbox(outside) -> Mailbox:
    """The mails that left."""
    return outside.mailbox


@pytest.fixture(scope="session")
def phone(outside) -> Phone:
    """The SMS that left."""
    return outside.phone


@pytest.fixture(scope="session")
def partner(outside) -> Partner:
    """A partner's own reading of the stream."""
    return outside.partner


@pytest.fixture(scope="session")
def topics(platform) -> Topics:
    """The names of the platform's topics."""
    return Topics(coalition=platform.installation.coalition)
