"""The gateway: one address, and nothing behind it that is not meant for everybody."""

import json
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vetika_cli.installation import SERVICES
from vetika_cli.places import checkout
from vetika_cli.ports import free_port


@pytest.fixture
def root(deployment):
    """The gateway's address."""
    return f"http://localhost:{deployment.port}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_answers_below_its_own_path(deployment, root, service):
    """Its readiness, its document with the public address, and its page with links that lead back to it."""
    assert requests.get(f"{root}/{service}/readyz", timeout=10).json()["status"] == "ready"
    document = requests.get(f"{root}/{service}/openapi.json", timeout=10).json()
    assert document["servers"] == [{"url": deployment.url(service)}]
    assert f'href="/{service}/openapi.json"' in requests.get(f"{root}/{service}/docs", timeout=10).text


@pytest.mark.parametrize(
    "path",
    [
        "/registration/metrics",
        "/registration/livez",
        "/registration/%6Detrics",
        "/registration//metrics",
        "/meetings/../registration/metrics",
        "/registration/./metrics",
        "/registration/x/../metrics",
        "/nobody/v1/forums",
        "/registration",
        "/.env",
    ],
)
def test_what_is_meant_for_operators_is_not_there(deployment, path):
    """However the path is written: neither metrics nor what is no service's."""
    with socket.create_connection(("127.0.0.1", deployment.port), timeout=10) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404"), head
    assert b"vetika_" not in body


def test_a_request_keeps_its_id_through_the_gateway(deployment, root):
    """The caller's own when it is sane, else a fresh one; the gateway's log has it, and no path."""
    given = "caller-0123456789"
    answer = requests.get(f"{root}/meetings/v1/forums", headers={"X-Request-Id": given}, timeout=10)
    assert answer.headers["X-Request-Id"] == given
    strange = requests.get(f"{root}/meetings/v1/forums", headers={"X-Request-Id": "a b"}, timeout=10)
    assert len(strange.headers["X-Request-Id"]) == 32
    logged = deployment.compose("logs", "--no-log-prefix", "gateway").stdout
    (line,) = [json.loads(line) for line in logged.splitlines() if given in line]
    assert line["service"] == "meetings"
    assert line["status"] == 200
    assert "v1/forums" not in json.dumps(line)


def test_a_body_that_is_too_large_is_refused_at_the_door(root):
    """Before a worker of an API is given to it, as a problem that programs can read."""
    answer = requests.post(f"{root}/registration/v1/organizations", data=b"x" * 13_000_000, timeout=30)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 413


def test_who_asks_too_often_is_told_to_wait(deployment, root):
    """The limit holds for one address, and its answer says when to come again."""
    deployment.settings |= {"VETIKA_RATE": "1", "VETIKA_RATE_BURST": "5"}
    try:
        deployment.up("gateway")
        answers = [requests.get(f"{root}/meetings/v1/forums", timeout=10) for _ in range(30)]
    finally:
        deployment.settings |= {"VETIKA_RATE": "2000", "VETIKA_RATE_BURST": "2000"}
        deployment.up("gateway")
    assert [one.status_code for one in answers[:5]] == [200] * 5
    refused = [one for one in answers if one.status_code == 429]
    assert len(refused) > 15
    assert refused[0].headers["Retry-After"] == "2"
    assert refused[0].json()["title"] == "Too Many Requests"


def test_a_service_that_is_away_is_a_problem_with_a_time_to_come_again(deployment, root, eventually):
    """Not a page of the gateway's own; and when the service is back, so are its answers."""
    deployment.compose("stop", "recommendations-api")
    try:
        answer = requests.get(f"{root}/recommendations/v1/recommendations", timeout=30)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.headers["Content-Type"] == "application/problem+json"
    finally:
        deployment.up("recommendations-api")
    eventually(lambda: requests.get(f"{root}/recommendations/readyz", timeout=10).ok, seconds=30)


def certificate(folder):
    """Write a certificate for localhost and its key, as an authority would have given them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "certificate-key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "certificate.pem"


def test_with_a_certificate_everything_goes_over_tls(deployment, root):
    """The overlay adds TLS; whoever comes without is sent there, and old versions of TLS are refused."""
    before = dict(deployment.settings)
    port = free_port()
    trusted = certificate(deployment.credentials.folder / "gateway")
    deployment.settings |= {"VETIKA_URL": f"https://localhost:{port}", "VETIKA_TLS_PORT": str(port)}
    overlay = checkout() / "deploy" / "compose" / "tls.yml"
    try:
        deployment.up("gateway", overlays=[overlay])
        answer = requests.get(f"https://localhost:{port}/meetings/v1/forums", verify=str(trusted), timeout=10)
        assert answer.json()["items"] is not None
        sent = requests.get(f"{root}/meetings/v1/forums?limit=1", allow_redirects=False, timeout=10)
        assert sent.status_code == 308
        assert sent.headers["Location"] == f"https://localhost:{port}/meetings/v1/forums?limit=1"
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(trusted)
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        with (
            socket.create_connection(("localhost", port)) as raw,
            old.wrap_socket(raw, server_hostname="localhost") as secured,
        ):
            assert secured.version() in {"TLSv1.2", "TLSv1.3"}
    finally:
        deployment.settings.clear()
        deployment.settings.update(before)
        deployment.up("gateway")
