"""The settings of the containers: each is in the example, explained, and with its true default."""

import re
from pathlib import Path

import pytest

from vetika_cli.installation import SERVICES

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")
OVERLAYS = "".join(path.read_text("utf-8") for path in sorted((ROOT / "deploy" / "compose").glob("*.yml")))
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
USED = re.compile(r"\$\{([A-Z_]+)(?::?[-?]([^${}]*))?")
SET = re.compile(r"^(# )?([A-Z_]+)=(.*)$", re.MULTILINE)
OF_COMPOSE = {"COMPOSE_PROFILES", "COMPOSE_FILE"}  # docker compose reads these itself


def test_every_setting_is_in_the_example_and_none_that_nobody_reads():
    """Whoever reads the example from top to bottom has seen all that there is to decide."""
    used = {name for name, _ in USED.findall(COMPOSE + OVERLAYS)}
    shown = {name for _, name, _ in SET.findall(EXAMPLE)}
    assert shown - OF_COMPOSE == used


def test_a_default_is_the_same_in_the_example_and_in_the_compose_file():
    """Leaving a line out of `.env` changes nothing."""
    defaults = {
        name: value for name, value in USED.findall(COMPOSE) if value and not value.startswith("is not")
    }
    shown = {name: value for hidden, name, value in SET.findall(EXAMPLE) if not hidden}
    differing = {name for name in defaults.keys() & shown.keys() if defaults[name] != shown[name]}
    # The example is for a try-out that signs in Khmer too.
    assert differing <= {"VETIKA_SMTP_FROM_NAME_KM"}


def test_every_setting_has_a_comment():
    """A setting stands below a comment, with at most its own family between."""
    for block in EXAMPLE.split("\n\n"):
        assert block.startswith("#"), block


def dockerfile(service):
    """A service's Dockerfile with the service's name taken out."""
    text = (ROOT / "services" / service / "Dockerfile").read_text("utf-8")
    kinds = re.compile(r"^# Every kind of process.*$", re.MULTILINE)
    return kinds.sub("", text).replace(service, "SERVICE")


@pytest.mark.parametrize("service", SERVICES[1:])
def test_the_services_dockerfiles_differ_in_their_service_alone(service):
    """There is one a service, so that each can be built and hosted alone; what one learns, all learn."""
    assert dockerfile(service) == dockerfile(SERVICES[0])
