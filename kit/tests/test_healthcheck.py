"""What a container's health check says."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from vetika_kit import healthcheck
from vetika_kit.health import Health
from vetika_kit.probes import Probes


@contextmanager
def _process(*, live=True, ready=True, details=None):
    probes = Probes(
        host="127.0.0.1",
        port=0,
        live=lambda: Health(good=live),
        ready=lambda: Health(good=ready, details=details or {}),
    )
    probes.start()
    try:
        yield {"VETIKA_PROBE_PORT": str(probes.port)}
    finally:
        probes.close()


@pytest.mark.parametrize(
    ("argv", "live", "ready", "status"),
    [
        ([], True, True, 0),
        ([], True, False, 1),
        (["/livez"], True, False, 0),
        (["/livez"], False, True, 1),
        (["/elsewhere"], True, True, 1),
    ],
)
def test_it_asks_what_it_is_told_to_ask(argv, live, ready, status):
    """Readiness without an argument; only 200 is well."""
    with _process(live=live, ready=ready) as environ:
        assert healthcheck.main(argv, environ) == status


def test_it_shows_why_in_one_line_and_needs_nothing_of_its_surroundings():
    """Started as in an image, isolated from the folder and the environment of Python."""
    with _process(ready=False, details={"lag": 7}) as environ:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "vetika_kit.healthcheck"],
            env={**os.environ, **environ, "PYTHONPATH": "/nowhere"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert done.stdout == '{"status": "failing", "lag": 7}\n'
    assert not done.stderr


def test_it_imports_nothing_but_the_standard_library():
    """It runs every few seconds beside every process: none of the kit's libraries may come along."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", "import sys, vetika_kit.healthcheck; print(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    before = {"__main__", "vetika_kit", "sitecustomize", "usercustomize"}
    installed = {name for name in loaded - before - sys.stdlib_module_names if not name.startswith("_")}
    assert installed == set()
    assert "http" not in loaded


@pytest.mark.parametrize("port", ["1", "none", "99999"])
def test_nobody_there_is_not_well(port, capsys):
    """A process that does not listen, and a port that is none, are one sentence and status 1."""
    assert healthcheck.main([], {"VETIKA_PROBE_PORT": port}) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("no answer at /readyz")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.0 well\r\n\r\n"])
def test_what_is_no_answer_is_not_well(answer, capsys):
    """Something else listens there, or the process died while it answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_once():
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(answer)
            connection.close()

        thread = threading.Thread(target=answer_once)
        thread.start()
        port = str(server.getsockname()[1])
        assert healthcheck.main([], {"VETIKA_PROBE_PORT": port}) == 1
        thread.join()
    assert capsys.readouterr().out.startswith("no answer at /readyz")


def test_it_does_not_wait_for_one_that_never_answers(monkeypatch, capsys):
    """Nor for one that lets it wait piece by piece: the limit is for all of it."""
    monkeypatch.setattr(healthcheck, "TIMEOUT", 0.3)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection:
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        assert healthcheck.main([], {"VETIKA_PROBE_PORT": str(server.getsockname()[1])}) == 1
        stop.set()
        thread.join(timeout=5)
    assert "timed out" in capsys.readouterr().out
