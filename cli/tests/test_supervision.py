"""The supervisor: what it starts, restarts, stops and finds again."""

import os
import signal
import sys
from pathlib import Path

import pytest

from vetika_cli.errors import UserError
from vetika_cli.memory import memory_of
from vetika_cli.processes import Kind, Process, processes
from vetika_cli.running import _last_words
from vetika_cli.supervision import Supervisor, configuration, end, left_behind

PROGRAM = "import json, os, time; print(json.dumps(dict(os.environ)), flush=True); time.sleep(600)"


def sleeper(name, **environment):
    """A process that says its environment and then waits."""
    return Process(
        name=name,
        kind=Kind.SERVICE,
        command=(sys.executable, "-c", PROGRAM),
        ports=(),
        environment=environment,
    )


@pytest.fixture
def supervisor(installation, monkeypatch):
    """A supervisor over two sleepers, with the first one started."""
    monkeypatch.setenv("VETIKA_SMTP_PASSWORD", "not for everybody")
    installation.home.mkdir()
    running = Supervisor(installation)
    running.start([sleeper("one", VETIKA_MANAGE_SECRET="50% of 'it', all"), sleeper("two")])
    running.start_process("one")
    yield running
    if running.running:
        running.stop(["one", "two"])
    end(left_behind(installation), timeout=5)


def state(supervisor, name):
    """The state of a process, when it runs."""
    return next(one for one in supervisor.states() if one.name == name)


def test_a_process_sees_its_own_settings_and_nobody_elses(supervisor, installation, eventually):
    """What a process is given arrives unchanged; what the user exported for others does not."""
    log = installation.logs / "one.log"
    text = eventually(lambda: log.exists() and log.read_text())
    assert "50% of 'it', all" in text
    assert "not for everybody" not in text
    assert "VETIKA_HOME" not in text
    assert state(supervisor, "two").state == "STOPPED"


def test_a_process_that_is_killed_is_started_again(supervisor, eventually):
    """After SIGKILL it runs under another id."""
    first = eventually(lambda: state(supervisor, "one").state == "RUNNING" and state(supervisor, "one").pid)
    assert memory_of(first) > 1_000_000
    os.kill(first, signal.SIGKILL)
    eventually(
        lambda: state(supervisor, "one").state == "RUNNING" and state(supervisor, "one").pid != first,
        seconds=20,
    )


def test_stopping_ends_every_process_and_the_supervisor(supervisor, installation):
    """Nothing of the installation is left, and its socket does not answer."""
    supervisor.start_process("two")
    supervisor.stop(["one"])
    assert not supervisor.running
    assert left_behind(installation) == []


def test_what_a_killed_supervisor_left_behind_is_found_and_ended(supervisor, installation, eventually):
    """Processes whose supervisor was killed are recognised as this installation's, and as nobody else's."""
    pid = eventually(lambda: state(supervisor, "one").state == "RUNNING" and state(supervisor, "one").pid)
    os.kill(int((installation.run / "supervisord.pid").read_text()), signal.SIGKILL)
    eventually(lambda: not supervisor.running)
    eventually(lambda: left_behind(installation) == [pid])
    end(left_behind(installation))
    assert left_behind(installation) == []


@pytest.mark.parametrize("value", ["x\n[program:evil]", 'x"', "x ; y", "'x'"])
def test_a_setting_that_cannot_be_passed_on_is_refused(installation, value):
    """A line break would become another setting of the supervisor; quotes and comments would be lost."""
    with pytest.raises(UserError, match=r"VARIABLE_FILE"):
        configuration(installation, [sleeper("one", VETIKA_PUBLIC_URL=value)])


def test_each_service_is_given_only_what_it_declares(installation):
    """Mail settings go to notifications alone, the manage secret to registration; ports differ everywhere."""
    found = {process.name: process for process in processes(installation)}
    assert {name for name, one in found.items() if "VETIKA_SMTP_HOST" in one.environment} == {
        name for name in found if name.startswith("notifications-")
    }
    assert not any("MANAGE_SECRET" in name for name in found["meetings-api"].environment)
    assert any("MANAGE_SECRET" in name for name in found["registration-api"].environment)
    ports = [port for process in found.values() for port in process.ports]
    assert len(ports) == len(set(ports)) == 19
    assert set(ports) == set(installation.wanted_ports.values())


def test_a_mail_server_of_the_users_own_takes_the_place_of_the_mailbox(installation, monkeypatch):
    """What is exported for a setting of a service reaches it; nothing of the sandbox is mixed in."""
    monkeypatch.setenv("VETIKA_SMTP_HOST", "mail.example")
    monkeypatch.setenv("VETIKA_HTTP_PORT", "1")
    sender = next(one for one in processes(installation) if one.name == "notifications-sender")
    assert sender.environment["VETIKA_SMTP_HOST"] == "mail.example"
    assert "VETIKA_SMTP_PORT" not in sender.environment
    api = next(one for one in processes(installation) if one.name == "notifications-api")
    assert api.environment["VETIKA_HTTP_PORT"] == str(installation.port("notifications-api"))


def test_servers_of_the_users_own_are_not_started(vetika_home, monkeypatch):
    """With both addresses given there is no infrastructure to run, and everybody gets the addresses."""
    from vetika_cli.installation import Installation  # noqa: PLC0415 - made in this environment

    monkeypatch.setenv("VETIKA_MONGODB_URI", "mongodb://db.example/?replicaSet=rs0")
    monkeypatch.setenv("VETIKA_KAFKA_BOOTSTRAP", "kafka.example:9092")
    found = processes(Installation.current())
    assert not [one for one in found if one.kind is Kind.INFRASTRUCTURE]
    services = [one for one in found if one.kind is Kind.SERVICE]
    assert {one.environment["VETIKA_KAFKA_BOOTSTRAP"] for one in services} == {"kafka.example:9092"}


def test_the_configuration_is_for_its_owner_alone(supervisor, installation):
    """It holds addresses with passwords: mode 0600, and the folder cannot be entered."""
    assert (installation.run / "supervisord.conf").stat().st_mode & 0o777 == 0o600
    assert Path(installation.socket).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            '{"level": "INFO", "message": "started"}\nTraceback …\nImportError: no such name\n',
            "ImportError: no such name",
        ),
        (
            '{"level": "INFO", "message": "a"}\n{"level": "ERROR", "message": "the port is taken"}\n',
            "the port is taken",
        ),
        ("", "it wrote nothing"),
    ],
)
def test_a_process_that_does_not_start_is_quoted_in_one_line(installation, log, words):
    """The line that says most is repeated, and the file with the rest is named."""
    installation.logs.mkdir(parents=True)
    (installation.logs / "one.log").write_text(log)
    said = _last_words(installation, "one")
    assert said.startswith(words)
    assert str(installation.logs / "one.log") in said
    assert len(said.splitlines()) == 1
