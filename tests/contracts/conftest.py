"""What the services' code publishes and reads, and what is written of it."""

import pytest

from vetika_cli.contracts.catalog import catalog_of, installed_services
from vetika_cli.contracts.files import Folder
from vetika_cli.places import checkout


@pytest.fixture(scope="session")
def catalog():
    """All services' sides of the stream, as their code has them."""
    return catalog_of(installed_services(checkout()))


@pytest.fixture(scope="session")
def folder():
    """The files of `contracts/`."""
    return Folder.on_disk(checkout() / "contracts")
