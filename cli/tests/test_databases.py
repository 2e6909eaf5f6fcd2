"""`vetika mongodb-setup` on a MongoDB that asks for names and passwords."""

import subprocess
from contextlib import contextmanager

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from vetika_cli.embedded import MongoServer
from vetika_cli.main import main

ROOT_PASSWORD, PASSWORD = "of-the-root", "of-meetings"


@contextmanager
def running(command):
    """A server while a block runs."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def host(tmp_path):
    """The address of a member of no set yet, with a root user and a key, as the image's start leaves it."""
    server, keyfile = MongoServer(tmp_path / "mongod"), tmp_path / "keyfile"
    server.prepare()
    keyfile.write_text("k" * 64)
    keyfile.chmod(0o400)
    member = list(server.command())
    place = member.index("--replSet")
    alone = [*member[:place], *member[place + 2 :]]
    with running(alone), MongoClient(server.address, directConnection=True) as client:
        client.admin.command("createUser", "root", pwd=ROOT_PASSWORD, roles=["root"])
    with running([*member, "--keyFile", str(keyfile)]):
        yield server.address


@pytest.fixture
def set_up(host, tmp_path, vetika_home, monkeypatch):
    """`set_up(root_password=…)` runs the command for meetings; returns its status."""
    monkeypatch.setenv("VETIKA_COALITION", "dfwg")

    def run(*, root_password=ROOT_PASSWORD, password=PASSWORD):
        arguments = ["mongodb-setup", "meetings", "--host", host]
        for option, value in (("--root-password", root_password), ("--password", password)):
            path = tmp_path / option.strip("-")
            path.write_text(f"{value}\n")
            arguments += [option, str(path)]
        return main(arguments)

    return run


def test_a_fresh_server_becomes_a_set_with_the_service_s_user(host, set_up):
    """Transactions work, its own database is open to it, every other is closed; again changes nothing."""
    assert set_up() == 0
    assert set_up() == 0
    uri = f"mongodb://meetings:{PASSWORD}@{host}/?replicaSet=rs0&authSource=admin"
    with MongoClient(uri) as client, client.start_session() as session:
        with session.start_transaction():
            client["dfwg_meetings"]["forums"].insert_one({"_id": "one"}, session=session)
        assert client["dfwg_meetings"]["forums"].find_one() == {"_id": "one"}
        with client["dfwg_meetings"]["forums"].watch(max_await_time_ms=1) as stream:
            assert stream.try_next() is None
        with pytest.raises(OperationFailure, match="not authorized"):
            client["dfwg_registration"]["people"].find_one()


def test_a_new_password_takes_the_place_of_the_old(host, set_up):
    """Which is how a password is changed: the file first, then this, then the processes."""
    set_up()
    assert set_up(password="another") == 0
    with MongoClient(f"mongodb://meetings:another@{host}/?replicaSet=rs0&authSource=admin") as client:
        assert client["dfwg_meetings"]["forums"].find_one() is None
    with (
        MongoClient(f"mongodb://meetings:{PASSWORD}@{host}/?replicaSet=rs0&authSource=admin") as client,
        pytest.raises(OperationFailure, match="Authentication failed"),
    ):
        client["dfwg_meetings"]["forums"].find_one()


def test_a_wrong_root_password_is_said(set_up, monkeypatch, capsys):
    """After the time in which a starting server may still be making its first user."""
    monkeypatch.setattr("vetika_cli.commands.databases.PATIENCE", 1.0)
    assert set_up(root_password="wrong") == 1
    assert "Authentication failed" in capsys.readouterr().err


def test_a_password_that_is_nowhere_is_said(host, vetika_home, capsys):
    """Before anything is asked of the server."""
    assert main(["mongodb-setup", "meetings", "--host", host]) == 1
    assert "`./vetika secrets` makes it" in capsys.readouterr().err
