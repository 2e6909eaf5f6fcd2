"""What the services' code publishes and reads, and what is written of it."""

import os
import subprocess
import sys

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


@pytest.fixture
def running_lines():
    """`running_lines(lines, bootstrap=…, topic=…, group=…)`: a partner's program in a process of its own."""
    running = []

    def run(lines, *, bootstrap, topic, group):
        environ = {**os.environ, "BOOTSTRAP": bootstrap, "TOPIC": topic, "GROUP": group}
        process = subprocess.Popen(
            [sys.executable, "-c", lines],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()
