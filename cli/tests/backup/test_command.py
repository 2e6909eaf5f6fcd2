"""Backup and restore from the keyboard; a program in the place of docker writes down what it is asked."""

import io
import json
import sys
from datetime import UTC, datetime

import pyrage
import pytest
from bson.timestamp import Timestamp

from vetika_cli.main import main
from vetika_kit.backup import archive, sealing

DOCKER = """#!{python}
import io, json, os, sys
from pathlib import Path
from vetika_kit.backup import archive, sealing

folder = Path({folder!r})
words = sys.argv[1:]
with (folder / "asked").open("a") as asked:
    print(json.dumps(words), file=asked)
if "ps" in words:
    print((folder / "running").read_text())
elif "run" in words:
    work = words[words.index("-T") + 1:]
    print('{{"level": "INFO", "message": "a log line"}}', file=sys.stderr)
    if (folder / "fails").exists():
        print("meetings: MongoDB refused or was away", file=sys.stderr)
        sys.exit(1)
    if work[1] == "backup":
        sys.stdout.buffer.write((folder / "sample").read_bytes())
    if work[1] == "restore":
        with sealing.opened(sys.stdin.buffer) as opened:
            kinds = [frame["kind"] for frame in archive.read(opened)]
        (folder / "restored").write_text(" ".join(kinds))
    print("meetings: done", file=sys.stderr)
"""
HEADER = archive.Header(
    service="meetings",
    coalition="dfwg",
    version="0.1.0",
    cluster_time=Timestamp(1_800_000_000, 3),
    taken_at=datetime(2027, 3, 10, tzinfo=UTC),
    positions=({"topic": "dfwg.registration.events.v1", "partition": 2, "offset": 17},),
    streams={"dfwg.meetings.events.v1": {"id": "x", "ends": {"0": 5}}},
)
FRAMES = (
    HEADER.frame(),
    {"kind": "collection", "name": "forums", "options": {}, "indexes": []},
    {"kind": "documents", "collection": "forums", "documents": [{"_id": "f"}]},
)


@pytest.fixture
def identity():
    """An age identity."""
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def sample():
    """`sample(recipients)`: the bytes of a small backup."""

    def made(*recipients):
        into = io.BytesIO()
        sealing.seal(archive.written(FRAMES), into, recipients=recipients)
        return into.getvalue()

    return made


@pytest.fixture
def docker(tmp_path, monkeypatch, sample):
    """In the place of docker: `asked()` tells what it was asked; meetings' processes run."""
    folder = tmp_path / "docker"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(DOCKER.format(python=sys.executable, folder=str(folder)))
    program.chmod(0o755)
    (folder / "running").write_text("meetings-api\nmeetings-relay\nmeetings-mongodb\nregistration-api")
    (folder / "sample").write_bytes(sample())
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


@pytest.fixture
def asked(docker):
    """`asked()`: the words after `docker compose`, of every call."""
    return lambda: [json.loads(line)[1:] for line in (docker / "asked").read_text().splitlines()]


def test_a_backup_comes_out_of_a_container_and_is_checked(docker, asked, tmp_path, capsys):
    """It is read to its end before it gets its name."""
    place = ["--compose", "-p", "forum", "-f", "one.yml", "--project-directory", "."]
    assert main(["backup", "meetings", "--to", str(tmp_path / "b"), *place]) == 0
    (file,) = (tmp_path / "b").iterdir()
    assert file.name.startswith("meetings-") and file.suffix == ".vetika-backup"  # noqa: PT018 - one name
    assert asked() == [
        [
            *("--file", "one.yml", "--project-name", "forum", "--project-directory", "."),
            *("run", "--rm", "--no-deps", "-T", "meetings-worker", "backup", "--to", "-"),
        ]
    ]
    assert str(file) in capsys.readouterr().out


@pytest.mark.parametrize("torn", [True, False])
def test_a_backup_that_fails_leaves_no_file(docker, tmp_path, capsys, torn):
    """Whether the container says so, or its words stop in the middle."""
    if torn:
        (docker / "sample").write_bytes((docker / "sample").read_bytes()[:-5])
    else:
        (docker / "fails").touch()
    assert main(["backup", "meetings", "--to", str(tmp_path / "b"), "--compose"]) == 1
    assert list((tmp_path / "b").iterdir()) == []
    said = capsys.readouterr().err
    assert ("torn" if torn else "MongoDB refused") in said
    assert "a log line" not in said


def test_a_backup_says_what_it_is(tmp_path, sample, identity, capsys):
    """Its header, and that it is whole; an encrypted one with its identity only."""
    file, key = tmp_path / "m.age", tmp_path / "key.txt"
    file.write_bytes(sample(identity.to_public()))
    key.write_text(str(identity))
    assert main(["backup", "show", str(file)]) == 1
    assert "--identity" in capsys.readouterr().err
    assert main(["backup", "show", str(file), "--identity", str(key)]) == 0
    shown = capsys.readouterr().out
    for word in ("whole, 1 documents", "meetings 0.1.0 in dfwg", "2027-03-10", "v1/2 at 17"):
        assert word in shown


def test_what_runs_is_stopped_for_a_restore_only_when_asked(docker, asked, tmp_path, sample, capsys):
    """Not its database, not another service; afterwards it is started again."""
    file = tmp_path / "m"
    file.write_bytes(sample())
    restore = ["restore", "meetings", "--from", str(file), "--replace", "--compose"]
    assert main(restore) == 1
    assert "meetings-api, meetings-relay run" in capsys.readouterr().err
    assert not (docker / "restored").exists()
    (docker / "asked").unlink()
    assert main([*restore, "--stop"]) == 0
    assert [words[0] for words in asked()] == ["ps", "stop", "run", "start"]
    assert asked()[1] == ["stop", "meetings-api", "meetings-relay"]
    assert asked()[2][-4:] == ["meetings-worker", "restore", "-", "--replace"]
    assert (docker / "restored").read_text() == "header collection documents"


def test_an_encrypted_backup_is_opened_here(docker, tmp_path, sample, identity):
    """The container gets it open: no key enters it."""
    file, key = tmp_path / "m.age", tmp_path / "key.txt"
    file.write_bytes(sample(identity.to_public()))
    key.write_text(str(identity))
    (docker / "running").write_text("")
    assert main(["restore", "meetings", "--from", str(file), "--identity", str(key), "--compose"]) == 0
    assert (docker / "restored").read_text() == "header collection documents"


@pytest.mark.parametrize("fault", ["torn", "foreign", "missing", "until", "unknown"])
def test_nothing_is_stopped_for_a_backup_that_cannot_be_restored(docker, tmp_path, sample, capsys, fault):
    """One sentence says why."""
    file = tmp_path / "m"
    file.write_bytes(sample()[: -5 if fault == "torn" else None])
    service = {"foreign": "registration", "unknown": "nobody"}.get(fault, "meetings")
    source = str(tmp_path / "nothing") if fault == "missing" else str(file)
    until = ["--until", "2027-03-10T00:00:00Z"] if fault == "until" else []
    assert main(["restore", service, "--from", source, "--stop", "--compose", *until]) == 1
    assert not (docker / "asked").exists()
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_restore_that_fails_starts_what_it_stopped(docker, asked, tmp_path, sample, capsys):
    """A database that is half restored lets none of them in anyway."""
    file = tmp_path / "m"
    file.write_bytes(sample())
    (docker / "fails").touch()
    assert main(["restore", "meetings", "--from", str(file), "--stop", "--compose"]) == 1
    assert "MongoDB refused" in capsys.readouterr().err
    assert [words[0] for words in asked()] == ["ps", "stop", "run", "start"]


def test_a_rebuild_is_run_where_nothing_else_runs(docker, asked, capsys):
    """Its words come through."""
    (docker / "running").write_text("")
    assert main(["rebuild", "meetings", "--all", "--compose"]) == 0
    assert asked()[-1][-3:] == ["meetings-worker", "rebuild", "--all"]
    assert "meetings: done" in capsys.readouterr().err


def test_without_an_embedded_run_there_is_nothing_to_back_up(vetika_home, tmp_path, capsys):
    """The sentence names both ways."""
    assert main(["backup", "--to", str(tmp_path / "b")]) == 1
    assert "./vetika up" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
