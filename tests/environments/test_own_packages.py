"""Each service installs, imports and passes its tests with the packages of its own lock, and nothing else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vetika_cli.installation import SERVICES
from vetika_cli.places import checkout

# What the tests themselves are written with; it comes in the versions of the developers' lock.
TESTING = ("pytest", "pytest-timeout", "hypothesis")
OF_A_SERVICE = {"notifications": ("aiosmtpd",)}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def environment(tmp_path):
    """`environment(service)`: the Python of a clean environment with that service in it."""

    def make(service: str) -> Path:
        root, folder = checkout(), tmp_path / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
        python = folder / "bin" / "python"
        locked = re.findall(
            r"^(\S+==[^ \\\n]+)", (root / "requirements" / "dev.lock").read_text(), re.MULTILINE
        )
        versions = tmp_path / "versions.txt"
        versions.write_text("\n".join(locked) + "\n")
        lock = root / "services" / service / "requirements.lock"
        install(python, "--require-hashes", "--only-binary", ":all:", "-r", str(lock))
        install(python, "-r", str(root / "requirements" / "build.lock"), "--require-hashes")
        packages = [str(root / "kit"), str(root / "services" / service)]
        install(python, "--no-deps", "--no-index", "--no-build-isolation", *packages)
        install(python, "-c", str(versions), *TESTING, *OF_A_SERVICE.get(service, ()))
        return python

    return make


def install(python: Path, *arguments: str) -> None:
    """Run pip, and fail with what it said."""
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_s_tests_pass_with_its_own_packages(service, environment, mongodb_uri, kafka_bootstrap):
    """No service leans on what only another one, or the command line, has brought."""
    python = environment(service)
    others = [one for one in (*SERVICES, "vetika_cli") if one != service]
    found = f"import importlib.util as u; print([one for one in {others} if u.find_spec(one)])"
    assert subprocess.check_output([str(python), "-I", "-c", found], text=True).strip() == "[]"
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-m", "not slow", f"services/{service}/tests"],
        cwd=checkout(),
        env={
            **os.environ,
            "VETIKA_TEST_MONGODB_URI": mongodb_uri,
            "VETIKA_TEST_KAFKA_BOOTSTRAP": kafka_bootstrap,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert re.search(r"\d+ passed", done.stdout)
