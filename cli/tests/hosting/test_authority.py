"""The coalition's authority and its replacement, as a TLS client judges them."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import DNSName, IPAddress, load_pem_x509_certificate, load_pem_x509_certificates
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from vetika_cli.errors import UserError
from vetika_cli.hosting.authority import Authority, is_for, parts_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def authority():
    """The first one."""
    return Authority.new(coalition="dfwg", now=NOW)


def trusts(trusted, pem, *, name=None, at=NOW):
    """Whether a client that trusts these authorities takes a server's certificate."""
    store = Store(load_pem_x509_certificates(trusted.encode()))
    verifier = PolicyBuilder().store(store).time(at).build_server_verifier(name or DNSName("kafka.a.example"))
    try:
        verifier.verify(load_pem_x509_certificate(parts_of(pem)[1].encode()), [])
    except VerificationError:
        return False
    return True


def test_a_certificate_is_good_for_its_names_and_its_time(authority):
    """For every name that it was issued for, and no other; until it ends."""
    pem = authority.issue("kafka.a.example", "localhost", "127.0.0.1", now=NOW)
    assert trusts(authority.trusted, pem)
    assert trusts(authority.trusted, pem, name=DNSName("localhost"))
    assert not trusts(authority.trusted, pem, name=DNSName("kafka.b.example"))
    assert not trusts(authority.trusted, pem, at=NOW + timedelta(days=398))
    assert is_for(pem, names=["127.0.0.1", "localhost", "kafka.a.example"])
    assert not is_for(pem, names=["localhost"])
    assert trusts(authority.trusted, pem, name=IPAddress(__import__("ipaddress").ip_address("127.0.0.1")))


def test_the_key_belongs_to_the_certificate(authority):
    """And stands in PKCS#8, as Kafka wants it."""
    key, certificate = parts_of(authority.issue("kafka.a.example", now=NOW))
    assert key.startswith("-----BEGIN PRIVATE KEY-----")
    public = load_pem_x509_certificate(certificate.encode()).public_key()
    assert load_pem_private_key(key.encode(), password=None).public_key() == public


def test_another_authority_s_certificate_is_not_taken(authority):
    """Whatever it calls itself."""
    other = Authority.new(coalition="dfwg", now=NOW)
    assert not trusts(authority.trusted, other.issue("kafka.a.example", now=NOW))


def test_it_is_replaced_without_a_moment_in_which_somebody_is_not_trusted(authority):
    """At each step, whoever is one step behind and whoever is ahead still understand each other."""
    servers, trusted = [authority.issue("kafka.a.example", now=NOW)], [authority.trusted]
    prepared = authority.prepared(coalition="dfwg", now=NOW)
    switched = prepared.switched()
    retired = switched.retired()
    for step in (prepared, switched, retired):
        servers.append(step.issue("kafka.a.example", now=NOW))
        trusted.append(step.trusted)
    for server, trust in ((0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2)):
        assert trusts(trusted[trust], servers[server])
    assert not trusts(trusted[0], servers[2])
    assert not trusts(trusted[3], servers[1])


def test_the_steps_have_an_order(authority):
    """Each in its turn, and none twice."""
    prepared = authority.prepared(coalition="dfwg", now=NOW)
    for step in (
        authority.switched,
        authority.retired,
        prepared.retired,
        lambda: prepared.prepared(coalition="dfwg", now=NOW),
        prepared.switched().switched,
    ):
        with pytest.raises(UserError):
            step()


def test_what_lies_in_a_folder_is_the_same_authority(authority, tmp_path):
    """Also in the middle of a replacement."""
    prepared = authority.prepared(coalition="dfwg", now=NOW)
    for path, wanted in prepared.files().items():
        (tmp_path / path).write_text(wanted.text)
    assert Authority.read(tmp_path) == prepared
    assert Authority.read(tmp_path / "elsewhere") is None
