"""The commands, called as `vetika` calls them."""

import json
import os
import socket
import stat
import time

import jwt
import pytest
from kafka import KafkaProducer

from vetika_cli.arguments import parser
from vetika_cli.installation import Installation
from vetika_cli.keys import Keys
from vetika_cli.main import main
from vetika_cli.sandbox.mailbox import Mailbox
from vetika_cli.sandbox.phone import Account, Phone
from vetika_cli.topology import align_topics, declared_topics, kafka_access

COMMANDS = sorted(next(action for action in parser()._actions if action.dest == "command").choices)


def test_no_command_shows_the_help(capsys):
    """Bare `vetika` names every command and ends well."""
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"  {name}" in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    """`--help` ends with status 0 and a text, for commands that read their own arguments too."""
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_what_follows_test_goes_to_pytest_in_its_order():
    """Unknown options and their values reach pytest unchanged."""
    arguments, others = parser().parse_known_args(["test", "--all", "-k", "seats", "-x", "kit/tests"])
    assert arguments.all
    assert others == ["-k", "seats", "-x", "kit/tests"]


def test_a_token_is_good_for_the_key_set_that_the_services_read(installation, capsys):
    """Issuer, audience, roles, organization and lifetime are in it; the public key verifies it."""
    Keys(installation).ensure()
    assert main(["token", "--role", "organization", "--organization", "o-1", "--hours", "2"]) == 0
    token = capsys.readouterr().out.strip()
    (key,) = json.loads((installation.secrets / "jwks.json").read_text())["keys"]
    claims = jwt.decode(token, jwt.PyJWK(key), algorithms=["ES256"], audience="vetika", issuer="vetika")
    assert (claims["roles"], claims["org"], claims["exp"] - claims["iat"]) == (["organization"], "o-1", 7200)
    assert key["kid"].startswith("embedded-")
    assert "d" not in key


def test_secrets_are_for_their_owner_alone_and_stay(installation):
    """All files have mode 0600, the folder 0700, and a second run changes none of them."""
    keys = Keys(installation)
    keys.ensure()
    before = {path.name: path.read_bytes() for path in installation.secrets.iterdir()}
    keys.ensure()
    assert {path.name: path.read_bytes() for path in installation.secrets.iterdir()} == before
    assert len(before) == 5
    assert stat.S_IMODE(installation.secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in installation.secrets.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["token", "--role", "operator"], "There are no keys in"),
        (["token", "--role", "organization"], "name it with --organization ID"),
        (["token", "--role", "operator", "--hours", "0"], "--hours must be more than 0"),
        (["inbox"], "`./vetika up` starts it"),
        (["phone", "show", "1"], "`./vetika up` starts it"),
        (["logs"], "run `./vetika up` first"),
        (["events"], "does not answer"),
        (["topics"], "does not answer"),
        (["up", "--port-offset", "90000"], "out of range"),
        (["bench", "nonsense"], "There is no benchmark 'nonsense'"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_status_1(vetika_home, capsys, arguments, sentence):
    """No traceback; the sentence says what to do."""
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("vetika: ")
    assert len(error.splitlines()) == 1


def test_nothing_runs_is_what_status_and_down_say(vetika_home, capsys):
    """Status ends with 1 and names the way up; down ends well."""
    assert main(["status"]) == 1
    assert main(["status", "--json"]) == 1
    assert main(["down", "--purge"]) == 0
    shown = capsys.readouterr().out
    assert "`./vetika up` starts it" in shown
    assert "Nothing was running" in shown


def test_a_taken_port_is_named_with_who_needs_it_and_the_way_out(installation, capsys):
    """`up` starts nothing and names port, process and option; `doctor` says the same."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", installation.port("meetings-api")))
        other.listen()
        for command in ("up", "doctor"):
            assert main([command]) == 1
            captured = capsys.readouterr()
            said = captured.err + captured.out
            assert f"Port {installation.port('meetings-api')} is taken" in said
            assert "`meetings-api`" in said
            assert "--port-offset" in said
    assert not installation.run.exists()


def test_a_given_mongodb_that_is_away_is_named_before_anything_starts(vetika_home, monkeypatch, capsys):
    """The sentence names the variable; there is no half-started installation."""
    monkeypatch.setenv("VETIKA_MONGODB_URI", "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=500")
    assert main(["up"]) == 1
    assert "VETIKA_MONGODB_URI does not answer" in capsys.readouterr().err
    assert not vetika_home.exists()


def test_mails_and_sms_can_be_read_on_the_command_line(installation, capsys):
    """`inbox` and `phone` list, show one (the latest by default) and speak JSON."""
    account = Account(id="AC1", secret="token")
    mailbox = Mailbox(
        directory=installation.home / "mail",
        smtp_port=installation.port("smtp"),
        http_port=installation.port("mailbox"),
    )
    phone = Phone(
        directory=installation.home / "phone", http_port=installation.port("phone"), account=account
    )
    mailbox.store.add(
        "Subject: វេទិកា\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nសួស្តី".encode(),
        sender="forum@dfwg.example",
        recipients=["sok@ngo.example"],
    )
    phone.store.add(
        sid="SM1",
        sender="+85512000000",
        to="+85512345678",
        body="សួស្តី",
        received_at="2027-01-01T00:00:00Z",
        callback=None,
    )
    with mailbox, phone:
        for command, to in (("inbox", "sok@ngo.example"), ("phone", "+85512345678")):
            assert main([command]) == 0
            assert to in capsys.readouterr().out
            assert main([command, "show"]) == 0
            assert "សួស្តី" in capsys.readouterr().out
            assert main([command, "list", "--json", "--to", to]) == 0
            assert len(json.loads(capsys.readouterr().out)) == 1
            assert main([command, "--to", "nobody"]) == 0
            assert "Nothing has left yet" in capsys.readouterr().out
            assert main([command, "show", "7"]) == 1
            assert "no such message" in capsys.readouterr().err


@pytest.fixture
def partner_view(vetika_home, kafka_bootstrap, coalition, monkeypatch):
    """The topics of a fresh coalition on the tests' Kafka, with five events of two services."""
    monkeypatch.setenv("VETIKA_KAFKA_BOOTSTRAP", kafka_bootstrap)
    monkeypatch.setenv("VETIKA_COALITION", coalition)
    align_topics(kafka_access(Installation.current()))
    producer = KafkaProducer(bootstrap_servers=kafka_bootstrap)
    began = int(time.time() * 1000) - 1000
    for number in range(5):
        service = "meetings" if number % 2 else "registration"
        event = json.dumps({"id": number, "name": "វេទិកា"}).encode()
        sent = producer.send(
            f"{coalition}.{service}.events.v1",
            event,
            key=str(number).encode(),
            timestamp_ms=began + number,
        )
        sent.get(timeout=20)
    producer.send(f"{coalition}.registration.contacts.v1", b"{}", key=b"p").get(timeout=20)
    producer.close()
    return coalition


def test_events_are_shown_in_the_order_of_time_and_without_contacts(partner_view, capsys):
    """All services' events topics are read, the contacts topic is not; the last N are the last of all."""
    assert main(["events", "--from-start"]) == 0
    shown = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert sorted(shown) == [0, 1, 2, 3, 4]
    assert main(["events", "-n", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [3, 4]
    assert "វេទិកា" in lines[0]


def test_topics_are_created_once(partner_view, capsys):
    """The second call finds them all; each service has its events topic, registration its contacts."""
    assert main(["topics"]) == 0
    shown = capsys.readouterr().out
    names = [spec.name for spec in declared_topics(partner_view)]
    assert all(name in shown for name in names)
    assert "created" not in shown
    assert len(names) == 5
    assert f"{partner_view}.registration.contacts.v1" in names


def test_logs_of_one_process_or_of_all_are_shown(installation, capsys):
    """A name or a part of it chooses; several are prefixed; an unknown one is told what there is."""
    installation.logs.mkdir(parents=True)
    (installation.logs / "registration-api.log").write_text("one\ntwo\n")
    (installation.logs / "kafka.log").write_text("three\n")
    assert main(["logs", "registration-api", "-n", "1"]) == 0
    assert capsys.readouterr().out == "two\n"
    assert main(["logs"]) == 0
    assert capsys.readouterr().out == "kafka | three\nregistration-api | one\nregistration-api | two\n"
    assert main(["logs", "nonsense"]) == 1
    assert "kafka, registration-api" in capsys.readouterr().err


def test_the_offset_of_up_is_known_to_the_commands_after_it(vetika_home, monkeypatch):
    """What `up` chose holds until `down`, without the variable."""
    Installation.current(port_offset=77).keep()
    monkeypatch.delenv("VETIKA_PORT_OFFSET")
    assert Installation.current().address("mailbox") == "http://127.0.0.1:8103"
    Installation.current().forget()
    assert Installation.current().port_offset == 0


def test_a_long_folder_name_moves_only_the_socket(tmp_path):
    """Unix sockets have short names: a deep home keeps its data and gets its socket elsewhere."""
    deep = Installation(home=tmp_path / ("x" * 120))
    assert len(os.fsencode(deep.socket)) < 100
    assert deep.socket != Installation(home=tmp_path / ("y" * 120)).socket
