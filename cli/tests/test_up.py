"""`vetika up` to `vetika down --purge`, as a user runs them."""

import json
import os
import signal
import smtplib
import subprocess
import sys

import pytest
import requests
from pymongo import MongoClient

from vetika_cli.installation import SERVICES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def vetika(installation):
    """Run a command and return how it ended; everything is purged after the test."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "vetika_cli", *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    yield run
    run("down", "--purge")


def processes(vetika):
    """The rows of `status`, by process."""
    return {row["process"]: row for row in json.loads(vetika("status", "--json").stdout)}


def test_up_survives_kills_and_down_and_purge_removes_all(vetika, installation, eventually):
    """Everything gets ready; what dies comes back; data outlives `down`; `--purge` leaves nothing."""
    started = vetika("up")
    assert started.returncode == 0, started.stderr
    for service in SERVICES:
        assert installation.address(service) in started.stdout
        assert requests.get(f"{installation.address(service)}/readyz", timeout=10).ok
        assert requests.get(f"{installation.address(service)}/openapi.json", timeout=10).ok
    rows = processes(vetika)
    assert len(rows) == 18  # with the supervisor
    assert all(row["state"] == "RUNNING" and row["memory"] > 1_000_000 for row in rows.values())
    assert all(rows[f"{service}-worker"]["lag"] == 0 for service in SERVICES)

    again = vetika("up")
    assert again.returncode == 0, again.stderr
    assert "already up" in again.stdout
    assert {name: row["pid"] for name, row in processes(vetika).items()} == {
        name: row["pid"] for name, row in rows.items()
    }

    token = vetika("token", "--role", "operator").stdout.strip()
    answer = requests.get(
        f"{installation.address('registration')}/admin/configuration",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert answer.ok, answer.text
    assert "manage-secret" not in answer.text

    with smtplib.SMTP("127.0.0.1", installation.port("smtp"), timeout=10) as client:
        client.sendmail("a@b.example", ["sok@ngo.example"], b"Subject: kept\r\n\r\nkept\r\n")
    with MongoClient(installation.mongodb_uri, w="majority", journal=True) as client:
        client.dfwg_drill.kept.insert_one({"_id": 1})

    for name in ("mongod", "kafka", "meetings-worker"):
        os.kill(rows[name]["pid"], signal.SIGKILL)

    def all_back():
        now = processes(vetika)
        return all(
            now[name]["pid"] not in (None, rows[name]["pid"]) for name in rows if name in killed
        ) and all(row["state"] == "RUNNING" for row in now.values())

    killed = {"mongod", "kafka", "meetings-worker"}
    eventually(all_back, seconds=60)

    assert vetika("down").returncode == 0
    assert vetika("status").returncode == 1
    once_more = vetika("up")
    assert once_more.returncode == 0, once_more.stderr
    assert "kept" in vetika("inbox").stdout
    with MongoClient(installation.mongodb_uri) as client:
        assert client.dfwg_drill.kept.find_one() == {"_id": 1}
    assert vetika("down", "--purge").returncode == 0
    assert list(installation.home.iterdir()) == []
