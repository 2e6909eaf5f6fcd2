"""The images: small, sealed, and each with its own service's packages only."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vetika_cli.installation import SERVICES
from vetika_cli.places import checkout

IMAGES = (*SERVICES, "tools")
BASE = "python:3.12-slim"
DOCKERFILES = sorted(
    [*checkout().glob("services/*/Dockerfile"), checkout() / "deploy" / "tools" / "Dockerfile"]
)
LARGEST = 200_000_000  # bytes beside the base


def docker(*arguments: str) -> str:
    """Run docker and return what it printed."""
    return subprocess.run(
        ["docker", *arguments], check=True, capture_output=True, text=True, timeout=120
    ).stdout


def image(name: str) -> str:
    """An image as the compose file names it."""
    return f"vetika/{name}:0.1.0"


def run(name: str, *command: str) -> str:
    """Run something else than its service in an image."""
    return docker("run", "--rm", "--network=none", f"--entrypoint={command[0]}", image(name), *command[1:])


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_adds_less_than_200_mb_to_its_base(built, name):
    """What is fetched to a host with a thin line must be small."""
    size, base = (int(docker("image", "inspect", "-f", "{{.Size}}", one)) for one in (image(name), BASE))
    assert 0 < size - base < LARGEST


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_sealed(built, name):
    """It does not run as root, says what it is, and holds neither a compiler nor what built it."""
    config = json.loads(docker("image", "inspect", image(name)))[0]["Config"]
    assert config["User"] == "10001:10001"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["org.opencontainers.image.source"]
    found = (
        "import importlib.util as u, shutil;"
        "print([n for n in ('hatchling', 'pytest', 'setuptools') if u.find_spec(n)],"
        "      [p for p in ('gcc', 'cc', 'g++', 'make') if shutil.which(p)])"
    )
    assert run(name, "/opt/vetika/bin/python", "-c", found).strip() == "[] []"


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_its_own_service_and_no_other(built, service):
    """Each imports whole with what its own lock brought."""
    others = [one for one in SERVICES if one != service]
    lines = (
        f"import importlib, importlib.util as u, pkgutil, {service}, vetika_kit\n"
        f"for package in ({service}, vetika_kit):\n"
        "    for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if not found.name.endswith('__main__'): importlib.import_module(found.name)\n"
        f"print([one for one in {others} if u.find_spec(one)])"
    )
    assert run(service, "python", "-c", lines).strip() == "[]"


@pytest.mark.parametrize("name", IMAGES)
def test_nothing_secret_went_into_an_image(built, name):
    """Neither a layer's command nor the environment holds what `./vetika secrets` made."""
    secrets = {path.read_text().strip() for path in built.credentials.folder.rglob("*") if path.is_file()}
    told = docker("history", "--no-trunc", image(name)) + docker("image", "inspect", image(name))
    assert not [secret for secret in secrets if secret in told]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_a_dockerfile_is_clean_under_both_linters(dockerfile):
    """hadolint, and BuildKit's own checks."""
    hadolint = Path(sys.executable).with_name("hadolint")
    linted = subprocess.run([hadolint, str(dockerfile)], capture_output=True, text=True, check=False)
    assert linted.stdout + linted.stderr == ""
    checked = subprocess.run(
        ["docker", "buildx", "build", "--check", "-f", str(dockerfile), str(checkout())],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert re.search("no warnings found", checked.stdout + checked.stderr)


def test_the_compose_file_is_whole_and_asks_for_secrets(built, tmp_path):
    """Docker reads it with the settings of the example, and refuses to start without secrets."""
    built.compose("config", "-q")
    refused = subprocess.run(
        ["docker", "compose", "--env-file", "/dev/null", "-f", str(checkout() / "docker-compose.yml"), "up"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert refused.returncode != 0
    assert "run ./vetika secrets first" in refused.stderr


def test_the_limits_of_all_containers_fit_into_4_gib(built):
    """The sum of what they may take at most, in a try-out that is watched."""
    told = built.compose("--profile", "try-out", "--profile", "observability", "config", "--format", "json")
    services = json.loads(told.stdout)["services"]
    jobs = {name for name, one in services.items() if one.get("restart") == "no"}
    limits = {name: int(one["mem_limit"]) for name, one in services.items() if name not in jobs}
    assert sum(limits.values()) <= 4 * 2**30
