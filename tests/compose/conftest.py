"""The platform in containers: built once, started once, looked at through its gateway."""

from collections.abc import Iterator

import pytest
from containers.deployment import Deployment, why_not
from containers.mailpit import Mailpit
from outside.office import Office
from outside.phone import Phone

SETTINGS = {
    # A burst of hundreds comes from one address here.
    "VETIKA_RATE": "2000",
    "VETIKA_RATE_BURST": "2000",
    # What a dead sender held goes out while a test waits for it.
    "VETIKA_RETRY_FIRST": "0.5",
    "VETIKA_SMTP_TIMEOUT": "5",
    "VETIKA_SMS_TIMEOUT": "5",
    "VETIKA_SENDER_LEASE": "21",
    # What a relay cannot publish makes it unhealthy soon.
    "VETIKA_OUTBOX_AGE_UNHEALTHY": "5",
}


def pytest_collection_modifyitems(items):
    """Everything here needs Docker; where there is none, each test says so."""
    reason = None
    for item in items:
        if item.path.parent.name == "compose":
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.timeout(900))
            reason = reason or why_not()
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Deployment:
    """A project whose images are built from the checkout; nothing of it runs."""
    deployment = Deployment(tmp_path_factory.mktemp("deployment"), settings=SETTINGS)
    deployment.compose("--profile", "*", "build", timeout=1200)
    return deployment


@pytest.fixture(scope="session")
def deployment(built) -> Iterator[Deployment]:
    """The whole platform, up and healthy; who changes how much of it runs sets it back."""
    try:
        built.up()
        yield built
    finally:
        built.down(volumes=True)


@pytest.fixture(scope="session")
def hosted_office(deployment, eventually) -> Office:
    """The secretariat at work, through the gateway."""
    return Office(secretariat=deployment.caller("secretariat"), eventually=eventually)


@pytest.fixture(scope="session")
def mailpit(deployment) -> Mailpit:
    """The mails that left."""
    return Mailpit(f"http://127.0.0.1:{deployment.mailbox_port}")


@pytest.fixture(scope="session")
def hosted_phone(deployment) -> Phone:
    """The SMS that left."""
    return Phone(deployment.url("phone"))
