"""What a process shows of itself, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from prometheus_client import REGISTRY

from vetika_kit.health import Health
from vetika_kit.periodic import Periodic, Periodicals
from vetika_kit.probes import Probes
from vetika_kit.processes import run_relay, run_worker

LONG_AGO = 3600.0  # seconds


def _get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize(
    ("live", "ready", "statuses"),
    [(True, True, (200, 200)), (True, False, (200, 503)), (False, True, (503, 503))],
)
def test_probes_tell_a_supervisor_the_truth(live, ready, statuses):
    """Liveness and readiness are two questions; details are for people."""
    probes = Probes(
        host="127.0.0.1",
        port=0,
        live=lambda: Health(good=live, details={"lag": 7}),
        ready=lambda: Health(good=ready, details={"stuck": []}),
    )
    probes.start()
    try:
        answers = [_get(probes.port, path) for path in ("/livez", "/readyz")]
        assert tuple(status for status, _ in answers) == statuses
        assert [json.loads(body)["lag"] for _, body in answers] == [7, 7]
        assert b"vetika_events_published_total" in _get(probes.port, "/metrics")[1]
        assert _get(probes.port, "/elsewhere")[0] == 404
    finally:
        probes.close()


@pytest.mark.parametrize("run", [run_relay, run_worker])
def test_a_process_ends_when_it_is_told_to(sample, running, run, eventually):
    """It finishes what it has in hand and gives its leases back."""
    thread = running(lambda _: run(sample))
    if run is run_relay:
        eventually(lambda: sample.database["relay_leases"].count_documents({"owner": {"$ne": None}}) == 64)
    sample.stop.set()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert sample.database["relay_leases"].count_documents({"owner": {"$ne": None}}) == 0


def test_a_relay_shows_how_long_the_oldest_event_has_waited(sample, people, greeting, running, eventually):
    """In seconds, as operators are told to watch it, and while Kafka is away above all."""
    cut_off = replace(sample, config=replace(sample.config, kafka_bootstrap=("127.0.0.1:1",)))
    people.insert({"_id": "a"}, greeting.event(subject="a", name="x", times=1))
    long_ago = {"outbox.since": sample.clock.now() - timedelta(seconds=LONG_AGO)}
    people.collection.update_one({"_id": "a"}, {"$set": long_ago})
    running(lambda _: run_relay(cut_off))
    age = partial(REGISTRY.get_sample_value, "vetika_outbox_oldest_seconds", {"service": "sample"})
    assert eventually(age) == pytest.approx(LONG_AGO, abs=60)
    people.collection.delete_many({})
    assert age() == 0


def test_a_job_goes_on_after_a_run_of_it_failed(sample, eventually):
    """One bad run is logged and counted, and the next one comes."""
    runs = []

    def job():
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError("once")

    jobs = Periodicals([Periodic(name="sometimes", every=0.01, job=job)], stop=sample.stop)
    jobs.start()
    eventually(lambda: len(runs) >= 3)
    sample.stop.set()
    jobs.join(timeout=5)


def _environment(config, tmp_path):
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    return {
        **os.environ,
        "VETIKA_COALITION": config.coalition,
        "VETIKA_MODE": "embedded",
        "VETIKA_MONGODB_URI": config.mongodb_uri,
        "VETIKA_KAFKA_BOOTSTRAP": config.kafka_bootstrap[0],
        "VETIKA_JWKS_FILE": str(tmp_path / "jwks.json"),
    }


def test_a_relay_started_from_the_command_line_stops_on_sigterm(config, topic, tmp_path, eventually):
    """Status 0, well within what a supervisor waits, and the log says so."""
    process = subprocess.Popen(
        [sys.executable, "-m", "meetings", "relay"],
        env=_environment(config, tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert '"started"' in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert '"stopped"' in out


def test_a_process_with_bad_settings_says_what_is_wrong_and_does_not_start(config, tmp_path):
    """Every variable at once, in one sentence, status 2."""
    environment = {
        **_environment(config, tmp_path),
        "VETIKA_OUTBOX_AGE_LIMIT": "soon",
        "VETIKA_MONGODB_URI": "",
    }
    done = subprocess.run(
        [sys.executable, "-m", "meetings", "worker"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "VETIKA_MONGODB_URI" in done.stderr
    assert "VETIKA_OUTBOX_AGE_LIMIT" in done.stderr
    assert "Traceback" not in done.stderr
