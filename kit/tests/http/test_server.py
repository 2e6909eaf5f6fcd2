"""The API as processes: gunicorn with two workers, on the real MongoDB."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from vetika_kit.http.tokens import new_private_key, public_key_set


@pytest.fixture
def served(coalition, mongodb_uri, tmp_path, eventually):
    """A running API: its process, its base URL and the file of its logs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(public_key_set(new_private_key(kid="k"))), encoding="utf-8")
    logs = tmp_path / "logs"
    (tmp_path / "tmp").mkdir()
    with logs.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("served.py")), "api"],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "VETIKA_COALITION": coalition,
                "VETIKA_MONGODB_URI": mongodb_uri,
                "VETIKA_KAFKA_BOOTSTRAP": "127.0.0.1:1",
                "VETIKA_HTTP_PORT": str(port),
                "VETIKA_JWKS_FILE": str(jwks),
                "VETIKA_API_THREADS": "4",
                "TMPDIR": str(tmp_path / "tmp"),
            },
        )
    base = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, logs.read_text()
        try:
            return requests.get(f"{base}/readyz", timeout=2).ok
        except requests.ConnectionError:
            return False

    eventually(answers, seconds=30)
    yield process, base, logs
    if process.poll() is None:
        process.terminate()
        process.wait(timeout=15)


def _count(base: str) -> float:
    text = requests.get(f"{base}/metrics", timeout=5).text
    wanted = 'vetika_http_requests_total{method="GET",route="/v1/hello",status="200"}'
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(wanted))


def test_the_processes_of_an_api_count_together(served, eventually):
    """Whichever process answers /metrics, it shows the requests of all, also of those that are gone."""
    process, base, logs = served
    eventually(lambda: len(psutil.Process(process.pid).children()) == 2)
    for _ in range(40):
        requests.get(f"{base}/v1/hello", timeout=5)
    assert {_count(base) for _ in range(6)} == {40}
    killed, leaving = psutil.Process(process.pid).children()
    os.kill(killed.pid, signal.SIGKILL)
    os.kill(leaving.pid, signal.SIGTERM)
    gone = {killed.pid, leaving.pid}
    eventually(lambda: not gone & {child.pid for child in psutil.Process(process.pid).children()}, seconds=20)
    eventually(lambda: len(psutil.Process(process.pid).children()) == 2)
    assert _count(base) == 40
    lines = [json.loads(line) for line in logs.read_text().splitlines()]
    assert {"served"} == {line["service"] for line in lines}
    assert any(line.get("route") == "/v1/hello" and line["status"] == 200 for line in lines)


def test_a_request_in_hand_is_finished_after_sigterm(served, tmp_path, eventually, mongo_database):
    """SIGTERM lets what runs come to its end, then the process exits with 0 and leaves no files."""
    process, base, _logs = served
    answers = []
    caller = threading.Thread(target=lambda: answers.append(requests.get(f"{base}/v1/slow", timeout=10)))
    before = mongo_database("served")["visits"].count_documents({})
    idle = requests.Session()
    idle.get(f"{base}/livez", timeout=5)  # a connection kept open by a caller who does nothing
    caller.start()
    eventually(lambda: mongo_database("served")["visits"].count_documents({}) > before)
    process.terminate()
    caller.join()
    assert answers[0].json() == {"done": True}
    assert process.wait(timeout=10) == 0
    idle.close()
    assert list((tmp_path / "tmp").glob("vetika-*")) == []


def test_what_must_never_be_missing_is_there_from_the_start(served, mongo_database):
    """Indexes before the first request; limits on headers and URLs by the server itself."""
    _process, base, _logs = served
    assert "expiry" in mongo_database("served")["idempotency_keys"].index_information()
    assert requests.get(f"{base}/livez", headers={"X-Long": "x" * 9000}, timeout=5).status_code in (400, 431)
    assert requests.get(f"{base}/livez?{'x' * 5000}", timeout=5).status_code in (400, 414)


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (b"GET /v1/%s HTTP/1.1\r\n\r\n" % (b"secret" * 1000), 414, "url-too-long"),
        (b"GET /livez HTTP/1.1\r\nX-Long: %s\r\n\r\n" % (b"secret" * 2000), 431, "headers-too-large"),
        (b"GET /livez HTTP/1.1\r\nsecret\x00: a\r\n\r\n", 400, "bad-request"),
        (b"secret secret secret\r\n\r\n", 400, "bad-request"),
        (b"GET /livez HTTP/9.9\r\nX: secret\r\n\r\n", 400, "bad-request"),
    ],
)
def test_what_is_no_request_gets_a_problem_and_is_not_repeated(served, sent, status, slug):
    """In our form, not gunicorn's; neither the answer nor the log holds what came or from where."""
    _process, base, logs = served
    with socket.create_connection(("127.0.0.1", urlsplit(base).port), timeout=5) as caller:
        caller.sendall(sent)
        answer = b"".join(iter(lambda: caller.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head
    problem = json.loads(body)
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    said = logs.read_text()
    assert problem["instance"] in said
    for content in (answer.decode(), said):
        assert "secret" not in content
    assert "127.0.0.1" not in said.partition(problem["instance"])[2]


def test_a_body_that_was_not_read_breaks_no_later_request(served):
    """The connection is closed openly, so that no caller sends the next request into it."""
    _process, base, _logs = served
    unread = b"a" * 300_000
    with requests.Session() as caller:
        for body in (unread, iter([unread]), unread):
            refused = caller.post(f"{base}/v1/hello", data=body, timeout=5)
            assert refused.status_code in (405, 413)
            assert refused.headers["Connection"] == "close"
            assert caller.get(f"{base}/livez", timeout=5).ok


def test_a_key_set_that_cannot_be_used_is_one_sentence(coalition, mongodb_uri, tmp_path):
    """The process ends at once and says which setting is wrong."""
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("served.py")), "api"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={
            **os.environ,
            "VETIKA_COALITION": coalition,
            "VETIKA_MONGODB_URI": mongodb_uri,
            "VETIKA_KAFKA_BOOTSTRAP": "127.0.0.1:1",
            "VETIKA_JWKS_FILE": str(tmp_path / "missing.json"),
        },
    )
    assert ended.returncode != 0
    assert "VETIKA_JWKS_FILE" in ended.stderr
    assert "Traceback" not in ended.stderr
