"""The page `docs/adding-a-service.md` is true: its files make a service that works."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

import meetings.publishes
from vetika_kit.clock import SystemClock
from vetika_kit.cloudevents import encode
from vetika_kit.events import Event, published_by
from vetika_kit.http.principals import Role
from vetika_kit.http.tokens import issue, new_private_key, public_key_set
from vetika_kit.ids import new_id
from vetika_kit.topics import Stream, Topics, create_topics

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "adding-a-service.md"
BLOCK = re.compile(r"^```\w+ file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROCESSES = ("api", "relay", "worker")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder with the files of the page."""
    folder = tmp_path_factory.mktemp("library")
    for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def python_path(library):
    """The environment of a Python that finds the service."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(library / "src"), str(ROOT)])}


@pytest.fixture(scope="module")
def topics(coalition, kafka_bootstrap):
    """The topics of library and of meetings; removed after."""
    names = Topics(coalition=coalition)
    specs = [names.spec(service, Stream.EVENTS) for service in ("library", "meetings")]
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    create_topics(admin, specs)
    yield names
    admin.delete_topics([spec.name for spec in specs])
    admin.close()


@pytest.fixture(scope="module")
def key():
    """A signing key."""
    return new_private_key(kid="embedded-test")


@pytest.fixture
def start(library, python_path, coalition, mongodb_uri, kafka_bootstrap, key):
    """`start(kind)` runs one process of the service and returns its port; all end with the test, in order."""
    keys = library / "jwks.json"
    keys.write_text(json.dumps(public_key_set(key)))
    settings = {
        "VETIKA_COALITION": coalition,
        "VETIKA_MODE": "embedded",
        "VETIKA_MONGODB_URI": mongodb_uri,
        "VETIKA_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "VETIKA_JWKS_FILE": str(keys),
        "VETIKA_API_WORKERS": "1",
    }

    @contextmanager
    def running(kind):
        port = _free_port()
        log = (library / f"{kind}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "library", kind],
            env={**python_path, **settings, "VETIKA_HTTP_PORT": str(port), "VETIKA_PROBE_PORT": str(port)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield port
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0, (library / f"{kind}.log").read_text()
        finally:
            process.kill()
            process.wait()
            log.close()

    with ExitStack() as stack:
        yield lambda kind: stack.enter_context(running(kind))


def test_the_page_holds_every_file():
    """Nothing that a reader needs is left out or named twice."""
    names = [name for name, _ in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]
    assert len(names) == len(set(names)) == 11


def test_the_page_keeps_the_rules_of_the_repository(library):
    """What is shown passes the checks that everybody's code passes."""
    own = f"src=['{library / 'src'}', '{ROOT / 'kit' / 'src'}']"
    rules = ["--no-cache", "--config", str(ROOT / "pyproject.toml"), "--config", own]
    command = [sys.executable, "-m", "ruff", "check", *rules, "."]
    checked = subprocess.run(command, cwd=library, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_processes_work(start, topics, coalition, kafka_bootstrap, key, eventually):
    """A forum is heard of, a document is taken, its event is on the topic; each process ends in order."""
    ports = {kind: start(kind) for kind in PROCESSES}
    for port in ports.values():
        eventually(lambda port=port: _ready(port), seconds=60)
    url = f"http://127.0.0.1:{ports['api']}/v1/forums/{_announce(topics, kafka_bootstrap)}/documents"
    token = issue(
        key=key,
        subject="tester",
        roles=[Role.SECRETARIAT],
        issuer="vetika",
        audience="vetika",
        now=SystemClock().now(),
        lifetime=timedelta(hours=1),
    )
    minutes = {"title": "Minutes", "link": "https://dfwg.example/minutes"}
    assert requests.post(url, json=minutes, timeout=10).status_code == 401

    def added():
        answer = requests.post(url, json=minutes, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        return answer.json() if answer.status_code == 201 else None

    document = eventually(added, seconds=60)
    assert requests.get(url, timeout=10).json()["items"] == [document]
    event = eventually(lambda: _first(topics.events("library"), kafka_bootstrap), seconds=30)
    assert (event["type"], event["subject"]) == ("document.added.v1", document["id"])
    assert event["source"] == f"/{coalition}/library"
    assert event["data"]["title"] == "Minutes"


def test_the_pages_own_test_passes(library, python_path):
    """The test that the page shows runs with the repository's fixtures."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider"]
    command += ["--rootdir", str(library), "--import-mode=importlib", str(library / "tests")]
    ran = subprocess.run(command, env=python_path, cwd=library, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def _announce(topics, kafka_bootstrap):
    """Put meetings' own example of an announcement on its topic; return the forum's id."""
    data = dict(published_by(meetings.publishes)["forum.announced.v1"].example)
    forum_id = data["forum_id"]
    event = Event(
        id=new_id(),
        type="forum.announced.v1",
        subject=forum_id,
        time=SystemClock().now(),
        data=data,
        key=forum_id,
        version=data["version"],
    )
    value, headers = encode(event, source="/test/meetings", sequence=1)
    producer = KafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all")
    producer.send(topics.events("meetings"), key=forum_id.encode(), value=value, headers=headers).get(
        timeout=10
    )
    producer.close()
    return forum_id


def _first(topic, kafka_bootstrap):
    """Return the first event of a topic, or None."""
    reader = KafkaConsumer(bootstrap_servers=kafka_bootstrap, enable_auto_commit=False)
    partitions = [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic) or ()]
    reader.assign(partitions)
    reader.seek_to_beginning(*partitions)
    found = [record for records in reader.poll(timeout_ms=1000).values() for record in records]
    reader.close()
    return json.loads(found[0].value) if found else None


def _ready(port):
    with suppress(requests.ConnectionError):
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    return False


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
