"""What is rendered is a compose file, as Docker Compose judges it."""

import os
import shutil
import subprocess

import pytest

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker command here"),
]


def as_it_is(_):
    """The example."""


def kafka_alone(document):
    """One that runs Kafka and no service."""
    document["organizations"].append({"name": "carrier", "address": "carrier.example", "services": []})
    document["kafka"]["hosted_by"] = "carrier"


def mail_with_a_password(document):
    """One whose mail server asks for a password."""
    document["organizations"][1]["settings"]["VETIKA_SMTP_USERNAME"] = "forum"


def external_kafka(document):
    """A Kafka that nobody here runs."""
    document["kafka"]["hosted_by"] = "external"


def try_out(document):
    """Mailbox and phone."""
    document["organizations"][1]["sandbox"] = True


def own_certificates(document):
    """Everybody brings their own."""
    for one in document["organizations"]:
        one["certificates"] = "own"


CASES = [as_it_is, kafka_alone, mail_with_a_password, external_kafka, try_out, own_certificates]


@pytest.mark.parametrize("change", CASES, ids=lambda change: change.__name__)
def test_every_folder_is_one_that_compose_takes(document, render, folder, change):
    """With its own `.env` and nothing from outside; what it mounts lies in the folder."""
    change(document)
    render(document)
    for organization in document["organizations"]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VETIKA_")}
        done = subprocess.run(
            ["docker", "compose", "--profile", "*", "config", "-q"],
            cwd=folder / organization["name"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_what_a_container_mounts_is_there(document, render, folder):
    """Files of secrets and of the checkout; what the operator brings is named on the page instead."""
    render(document)
    for organization in document["organizations"]:
        home = folder / organization["name"]
        text = (home / "compose.yml").read_text("utf-8")
        mounted = {
            line.strip().removeprefix("- ") for line in text.splitlines() if line.strip().startswith("- ./")
        }
        assert mounted
        for mount in mounted:
            assert (home / mount.partition(":")[0]).exists()
        for line in text.splitlines():
            if "file: ${VETIKA_SECRETS" in line:
                assert (home / "secrets" / line.rpartition("}/")[2].strip("'\"")).is_file()
