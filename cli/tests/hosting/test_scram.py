"""What Kafka is given instead of a password."""

import base64
import hashlib
import hmac
import json

import pytest

from vetika_cli.hosting import scram
from vetika_cli.hosting.scram import Verifier


def test_it_belongs_to_its_password_alone():
    """And says nothing of it."""
    verifier = Verifier.of("a password")
    assert verifier.belongs_to("a password")
    assert not verifier.belongs_to("another password")
    assert "password" not in repr(verifier)


def test_it_is_what_the_standard_computes():
    """RFC 5802: SaltedPassword is Hi(password, salt, i), the first block of PBKDF2 with HMAC."""
    verifier = Verifier.of("pencil", salt=b"salt")
    block = hmac.new(b"pencil", b"salt" + b"\0\0\0\1", hashlib.sha512).digest()
    expected = int.from_bytes(block)
    for _ in range(verifier.iterations - 1):
        block = hmac.new(b"pencil", block, hashlib.sha512).digest()
        expected ^= int.from_bytes(block)
    assert int.from_bytes(verifier.salted_password) == expected


def test_kafka_takes_the_number_of_iterations():
    """It accepts 4096 to 16384."""
    assert all(4096 <= Verifier.of("x").iterations <= 16384 for _ in range(50))


def test_a_new_one_can_be_told_from_the_one_before(monkeypatch):
    """Kafka shows only the iterations of what it has; a salt that gives the same number is not taken."""
    before = Verifier.of("old")
    salts = iter([before.salt, before.salt, b"another salt"])
    monkeypatch.setattr(scram.secrets, "token_bytes", lambda _: next(salts))
    assert Verifier.renewed("new", before=before).iterations != before.iterations


def test_a_file_gives_back_what_was_written():
    """And holds the four things that Kafka is given."""
    verifiers = {"one": Verifier.of("a"), "two": Verifier.of("b")}
    text = scram.to_json(verifiers)
    assert scram.from_json(text) == verifiers
    assert set(json.loads(text)["one"]) == {"mechanism", "iterations", "salt", "salted_password"}
    assert base64.b64decode(json.loads(text)["one"]["salt"]) == verifiers["one"].salt


@pytest.mark.parametrize("number", range(20))
def test_passwords_stand_unquoted_everywhere(number):
    """In shells, URLs, YAML and .env files."""
    password = scram.new_password()
    assert password.replace("-", "").replace("_", "").isalnum()
    assert len(password) >= 43
