"""`vetika doctor --upgrade`: which findings stop an upgrade, and in which order versions may come."""

import copy
import json
from importlib import import_module

import pytest

from vetika_cli.main import main
from vetika_cli.upgrade import reports
from vetika_kit import releases

PLACED = "registration.confirmed.v1"


@pytest.fixture(scope="module")
def languages():
    """What the code of each service publishes and reads."""
    return {
        service: releases.language(import_module(f"{service}.service").SERVICE)
        for service in ("registration", "notifications")
    }


@pytest.fixture
def said(languages):
    """What each service would print, with the same version running; to be changed by a test."""
    return {
        service: {
            "service": service,
            "version": "2",
            "findings": [{"level": "good", "about": "outbox", "what": "events leave"}],
            "language": copy.deepcopy(language),
            "running": {"version": "1", **copy.deepcopy(language)},
        }
        for service, language in languages.items()
    }


@pytest.fixture
def look(said, tmp_path, capsys):
    """`look()`: exit status and lines of the doctor who is given these reports as files."""

    def looked(*options):
        words = []
        for service, report in said.items():
            path = tmp_path / f"{service}.log"
            path.write_text(
                '{"level": "INFO", "message": "a log may stand before it"}\n' + json.dumps(report)
            )
            words += ["--report", str(path)]
        status = main(["doctor", "--upgrade", *words, *options])
        return status, capsys.readouterr().out

    return looked


def _bad(lines):
    return [line for line in lines.splitlines() if line.startswith("BAD")]


def _named(language, part, type_):
    return next(one for one in language[part] if one["type"] == type_)


def test_nothing_stops_an_upgrade_to_the_same(look):
    """One line for each look, and one for what the services say to each other."""
    status, lines = look()
    assert (status, _bad(lines)) == (0, [])
    assert "good  registration: outbox: events leave" in lines
    assert "good  registration: contracts: every reader" in lines


def test_a_bad_finding_stops_an_upgrade_and_a_note_does_not(look, said):
    """The status is for scripts, the line for people."""
    note = {"level": "note", "about": "migrations", "what": "one is pending"}
    said["registration"]["findings"] = [note]
    status, lines = look()
    assert (status, "note  registration: migrations: one is pending" in lines) == (0, True)
    said["registration"]["findings"].append({"level": "bad", "about": "workers", "what": "halted"})
    status, lines = look()
    assert (status, _bad(lines)) == (1, ["BAD   registration: workers: halted"])


def test_programs_are_told_in_json(look, said):
    """With the same words."""
    said["registration"]["findings"] = [{"level": "bad", "about": "workers", "what": "halted"}]
    status, text = look("--json")
    found = json.loads(text)
    assert (status, found["stops"]) == (1, True)
    assert {"service": "registration", "level": "bad", "about": "workers", "what": "halted"} in found[
        "findings"
    ]


def test_a_change_that_breaks_readers_stops_an_upgrade(look, said):
    """What was optional may not be gone, and a type stays."""
    new = _named(said["registration"]["language"], "publishes", PLACED)
    del new["schema"]["properties"]["stakeholder_category"]
    new["schema"]["required"].remove("stakeholder_category")
    gone = said["registration"]["language"]["publishes"]
    gone.remove(_named(said["registration"]["language"], "publishes", "registration.cancelled.v1"))
    status, lines = look()
    assert status == 1
    assert any("stakeholder_category: is gone" in line for line in _bad(lines))
    assert any(
        "registration.cancelled.v1 is published now and would be no more" in line for line in _bad(lines)
    )


def test_consumers_go_before_producers(look, said):
    """A type that a running consumer does not read yet waits until its workers are replaced."""
    running = said["notifications"]["running"]
    running["reads"].remove(_named(running, "reads", PLACED))
    status, lines = look()
    assert status == 1
    (line,) = _bad(lines)
    assert f"notifications 1 runs and does not read {PLACED} yet" in line
    assert "replace its workers first" in line
    said["notifications"]["running"] = {"version": "2", **said["notifications"]["language"]}
    assert look()[0] == 0


def test_a_value_that_a_running_reader_does_not_know_waits_for_it(look, said):
    """The new version may publish it as soon as the reader of the new version runs."""
    reader = _named(said["notifications"]["running"], "reads", PLACED)["schema"]
    reader["properties"]["forum_id"] = {"enum": ["the-only-one"]}
    status, lines = look()
    assert status == 1
    assert all(f"does not load {PLACED}" in line for line in _bad(lines))


def test_what_left_no_record_is_noted(look, said):
    """Versions before this look did not write down what they publish."""
    said["registration"]["running"] = None
    status, lines = look()
    assert status == 0
    assert "note  registration: contracts: the running version left no record" in lines


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["doctor", "--json"], "go with --upgrade"),
        (["doctor", "--upgrade", "--report", "nowhere.json"], "nowhere.json cannot be read"),
        (["doctor", "--upgrade", "--compose", "-f", "nowhere.yml"], "docker"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments, sentence, capsys, tmp_path, monkeypatch):
    """And status 1."""
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.splitlines()) == 1


def test_a_file_without_a_report_is_refused(tmp_path, capsys):
    """An operator gave the wrong log."""
    log = tmp_path / "log"
    log.write_text('{"level": "INFO"}\nbye\n')
    assert main(["doctor", "--upgrade", "--report", str(log)]) == 1
    assert "holds no report" in capsys.readouterr().err


def test_compose_is_asked_service_by_service_in_containers_that_go(monkeypatch, tmp_path):
    """With the options that name the project; an image too old to look is a note, another failure is bad."""
    asked = tmp_path / "asked"
    docker = tmp_path / "docker"
    docker.write_text(
        "#!/bin/sh\n"
        f'echo "$*" >> {asked}\n'
        'case "$*" in\n'
        '  *services) printf "kafka\\nmeetings-worker\\nregistration-api\\nregistration-worker\\n" ;;\n'
        "  *meetings*) echo \"meetings: error: argument process: invalid choice: 'check'\" >&2; exit 2 ;;\n"
        "  *) echo 'no such secret' >&2; exit 1 ;;\n"
        "esac\n"
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    compose = reports.Compose(files=["a.yml", "b.yml"], project="vetika", directory="/srv")
    meetings, registration = reports.of_compose(compose)
    assert ([one.level for one in meetings.findings], meetings.language) == (["note"], None)
    assert [(one.level, "no such secret" in one.what) for one in registration.findings] == [("bad", True)]
    options = "compose -f a.yml -f b.yml -p vetika --project-directory /srv"
    assert asked.read_text().splitlines() == [
        f"{options} config --services",
        f"{options} run --rm --no-deps -T meetings-worker check",
        f"{options} run --rm --no-deps -T registration-worker check",
    ]
