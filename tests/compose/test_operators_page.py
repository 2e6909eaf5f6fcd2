"""`deploy/README.md` is true: its commands, in its order, on a fresh checkout."""

import os
import re
import secrets
import shutil
import subprocess

import pytest

from vetika_cli.places import cache, checkout
from vetika_cli.ports import free_port

PAGE = checkout() / "deploy" / "README.md"
SECTION = re.compile(r"^##+ ([^\n]+)$|^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = {"8080": "VETIKA_PORT", "8025": "VETIKA_MAILBOX_PORT", "8027": "VETIKA_PHONE_PORT"}


def blocks():
    """Each block of commands with the section that it stands in."""
    section = ""
    for found in SECTION.finditer(PAGE.read_text("utf-8")):
        section = found.group(1) or section
        if found.group(2):
            yield section, found.group(2)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """`host(commands)` runs commands in a fresh copy of the checkout, as its operator would type them."""
    folder = tmp_path_factory.mktemp("host") / "vetika"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=checkout(), check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (source := checkout() / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / name)
    ports = {given: str(free_port()) for given in PORTS}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VETIKA_")}
    environment |= {PORTS[given]: port for given, port in ports.items()}
    environment |= {
        "VETIKA_CACHE": str(cache()),
        "VETIKA_URL": f"http://localhost:{ports['8080']}",
        "COMPOSE_PROJECT_NAME": f"vetika-page-{secrets.token_hex(3)}",
    }

    def run(commands):
        for given, port in ports.items():
            commands = commands.replace(f"localhost:{given}", f"localhost:{port}")
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=900,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    yield run
    run("docker compose down --volumes --remove-orphans")


def test_the_page_s_commands_work_in_its_order(host, subtests):
    """Who types them from first to last has a platform, scales it, backs it up, restores and upgrades it."""
    found = list(blocks())
    assert len(found) >= 10
    for section, commands in found:
        with subtests.test(section, commands=commands):
            done = host(commands)
            assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
