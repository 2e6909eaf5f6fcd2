"""The mail gateway against a real SMTP server."""

import smtplib
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from notifications.config import Tls
from notifications.domain.delivery import Accepted, Refused
from notifications.gateways.smtp import SmtpGateway, SmtpServer


class Keeper:
    """Keeps what it takes and says what it is told to."""

    def __init__(self):
        self.envelopes = []
        self.hellos = 0
        self.answers = {}

    async def handle_EHLO(self, _server, session, _, hostname, responses):  # noqa: N802 - aiosmtpd's names
        """Count connections."""
        self.hellos += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, _server, _session, envelope, address, _):  # noqa: N802
        """Answer as told."""
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        """Keep, or answer as told."""
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.envelopes.append(envelope)
        return "250 OK"


@pytest.fixture
def keeper():
    """What the server took."""
    return Keeper()


@pytest.fixture
def serve(keeper, free_port):
    """Start a server with settings of its own; return its port."""
    started = []

    def start(**settings):
        controller = Controller(keeper, hostname="127.0.0.1", port=free_port(), ready_timeout=20, **settings)
        controller.start()
        started.append(controller)
        return controller.port

    yield start
    for controller in started:
        controller.stop()


@pytest.fixture
def gateway():
    """Make gateways that are closed at the end."""
    made = []

    def make(port, *, stale_after=20.0, **server):
        settings = {"host": "127.0.0.1", "timeout": 5.0, **server}
        made.append(SmtpGateway(SmtpServer(port=port, **settings), stale_after=stale_after))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost, made for this run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert = tmp_path_factory.mktemp("tls") / "cert.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    cert.write_bytes(secret + signed.public_bytes(Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert)
    return cert, context


@pytest.fixture
def mail():
    """A message."""
    message = EmailMessage()
    message["From"] = "forum@vetika.example"
    message["To"] = "someone@cambodia.example"
    message["Subject"] = "A message"
    message.set_content("Hello.")
    return message


def test_a_connection_is_kept(serve, gateway, keeper, mail):
    """Ten messages, one connection."""
    one = gateway(serve())
    assert [one.send(mail) for _ in range(10)] == [Accepted()] * 10
    assert keeper.hellos == 1


def test_a_connection_that_the_server_closed_is_replaced(serve, gateway, keeper, mail):
    """The server hung up meanwhile: the message goes over a new connection, at once."""
    one = gateway(serve())
    one.send(mail)
    one._idle[0].connection.sock.shutdown(socket.SHUT_RDWR)
    assert one.send(mail) == Accepted()
    assert keeper.hellos == 2


def test_a_connection_that_was_idle_for_long_is_asked_first(serve, gateway, keeper, mail):
    """A NOOP tells whether it still stands; no message is risked on one that does not."""
    one = gateway(serve(), stale_after=0.0)
    one.send(mail)
    assert one.send(mail) == Accepted()
    assert keeper.hellos == 1
    one._idle[0].connection.sock.shutdown(socket.SHUT_RDWR)
    assert one.send(mail) == Accepted()
    assert keeper.hellos == 2


@pytest.mark.parametrize(
    ("command", "answer", "outcome"),
    [
        ("DATA", "451 later", Refused(code="smtp_451", permanent=False)),
        ("DATA", "554 looks like spam", Refused(code="smtp_554", permanent=True)),
        ("DATA", "421 closing", Refused(code="smtp_421", permanent=False)),
        ("MAIL", "550 sender rejected", Refused(code="smtp_550", permanent=False)),
    ],
)
def test_answers_are_understood_by_how_far_the_message_came(
    serve, gateway, keeper, mail, command, answer, outcome
):
    """A 5xx about the message ends it; one about our own address is ours to mend, and tried again."""
    one = gateway(serve())
    keeper.answers[command] = answer
    assert one.send(mail) == outcome
    keeper.answers.clear()
    assert one.send(mail) == Accepted()


def test_a_server_that_is_away_is_tried_again(gateway, mail, free_port):
    """Nobody listens: not the message's fault."""
    assert gateway(free_port()).send(mail) == Refused(code="smtp_unreachable", permanent=False)


def test_a_server_that_says_nothing_is_given_up_after_the_timeout(gateway, mail):
    """It listens and is silent: the thread is not held for ever."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outcome = gateway(silent.getsockname()[1], timeout=0.3).send(mail)
    assert outcome == Refused(code="smtp_timeout", permanent=False)


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_tls_by_both_ways(serve, gateway, keeper, mail, certificate, tls):
    """STARTTLS and implicit TLS, with the server's certificate checked."""
    cert, context = certificate
    settings = {"tls_context": context} if tls is Tls.STARTTLS else {"ssl_context": context}
    one = gateway(serve(**settings), host="localhost", tls=tls, ca_file=str(cert))
    assert one.send(mail) == Accepted()


def test_a_certificate_that_nobody_vouches_for_is_refused(serve, gateway, mail, certificate):
    """No message goes to a server that cannot prove who it is."""
    _, context = certificate
    one = gateway(serve(tls_context=context), host="localhost", tls=Tls.STARTTLS)
    assert one.send(mail) == Refused(code="smtp_certificate", permanent=False)


def test_without_starttls_nothing_is_sent_where_it_is_asked_for(serve, gateway, keeper, mail):
    """A server, or somebody between, that hides STARTTLS gets neither password nor message."""
    one = gateway(serve(), tls=Tls.STARTTLS, username="u", password="p")
    assert one.send(mail) == Refused(code="smtp_not_offered", permanent=False)
    assert not keeper.envelopes


def _admit(server, session, envelope, mechanism, given):
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (b"user", b"right")
    return AuthResult(success=right, handled=not right and None)


@pytest.mark.parametrize(
    ("password", "outcome"),
    [("right", Accepted()), ("wrong", Refused(code="smtp_535", permanent=False))],
)
def test_a_login_is_used(serve, gateway, mail, certificate, password, outcome):
    """A wrong password is an operator's to mend: what waits is sent then."""
    cert, context = certificate
    port = serve(tls_context=context, authenticator=_admit, auth_required=True, auth_require_tls=True)
    one = gateway(
        port, host="localhost", tls=Tls.STARTTLS, ca_file=str(cert), username="user", password=password
    )
    assert one.send(mail) == outcome


def test_an_address_in_khmer_needs_a_server_that_knows_such(serve, gateway, keeper, mail):
    """With SMTPUTF8 it is sent, without it is refused for good."""
    del mail["To"]
    mail["To"] = "សំណាង@cambodia.example"
    assert gateway(serve(enable_SMTPUTF8=True)).send(mail) == Accepted()
    assert keeper.envelopes[0].rcpt_tos == ["សំណាង@cambodia.example"]
    assert gateway(serve(enable_SMTPUTF8=False)).send(mail) == Refused(code="smtp_553", permanent=True)


def test_closing_says_goodbye(serve, gateway, mail):
    """And a gateway that was closed can be used again."""
    one = gateway(serve())
    one.send(mail)
    connection = one._idle[0].connection
    one.close()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        connection.noop()
    assert one.send(mail) == Accepted()
