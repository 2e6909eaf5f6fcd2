"""Fixtures of the command's tests: an installation of its own, on ports that are free."""

import secrets

import pytest

from vetika_cli.installation import PORTS, Installation
from vetika_cli.ports import is_taken


@pytest.fixture
def vetika_home(tmp_path, monkeypatch):
    """An empty folder as VETIKA_HOME, a free port offset, and no settings of whoever runs the tests."""
    for name in ("MONGODB_URI", "KAFKA_BOOTSTRAP", "COALITION", "SMTP_HOST", "SMS_URL"):
        monkeypatch.delenv(f"VETIKA_{name}", raising=False)
    # No port of it is one that the system gives to clients (32768 and up).
    offset = next(
        offset
        for offset in iter(lambda: 2_000 + secrets.randbelow(11_000), None)
        if not any(is_taken(port + offset) for port in PORTS.values())
    )
    home = tmp_path / "home"
    monkeypatch.setenv("VETIKA_HOME", str(home))
    monkeypatch.setenv("VETIKA_PORT_OFFSET", str(offset))
    return home


@pytest.fixture
def installation(vetika_home):
    """The installation in that folder; nothing of it runs."""
    return Installation.current()
