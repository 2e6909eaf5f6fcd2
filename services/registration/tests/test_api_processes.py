"""The API as it runs: two worker processes, one forum, more people than seats."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import pytest

from registration.config import RegistrationConfig
from vetika_kit.ids import new_id

PEOPLE, SEATS = 600, 200


@pytest.fixture
def running_api(config, eventually):
    """The address of an API of two processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {
        declared.metadata["variable"]: str(getattr(config, declared.name))
        for declared in fields(RegistrationConfig)
        if declared.name in {"coalition", "mongodb_uri", "jwks_file", "manage_secret"}
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "registration", "api"],
        env={
            **os.environ,
            **environ,
            "VETIKA_KAFKA_BOOTSTRAP": config.kafka_bootstrap[0],
            "VETIKA_HTTP_PORT": str(port),
            "VETIKA_API_WORKERS": "2",
            "VETIKA_API_THREADS": "16",
        },
        stdout=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"

    def answers():
        try:
            return urllib.request.urlopen(f"{address}/readyz", timeout=2).status == 200  # noqa: S310 - our own process
        except OSError:
            return False

    try:
        eventually(answers, seconds=60)
        yield address
    finally:
        process.terminate()
        assert process.wait(30) == 0


def _post(address, forum, body):
    request = urllib.request.Request(  # noqa: S310 - our own process
        f"{address}/v1/forums/{forum}/registrations",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": new_id()},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own process
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_six_hundred_for_two_hundred_seats(running_api, announce, application, balanced, database):
    """Exactly 200 are confirmed, the others are numbered 1 to 400 without a gap; ledger and rows agree."""
    forum = announce(capacity=SEATS)
    bodies = [application() for _ in range(PEOPLE)]
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda body: _post(running_api, forum, body), bodies))
    assert {status for status, _ in answers} == {201}
    confirmed = [body for _, body in answers if body["status"] == "confirmed"]
    numbers = sorted(body["waitlist_number"] for _, body in answers if body["waitlist_number"])
    assert len(confirmed) == SEATS
    assert numbers == list(range(1, PEOPLE - SEATS + 1))
    assert balanced(forum)["taken"] == SEATS
    assert database["registrations"].count_documents({"forum_id": forum, "active": True}) == PEOPLE
