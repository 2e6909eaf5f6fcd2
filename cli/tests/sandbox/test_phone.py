"""The phone, through Twilio's Messages call and its own pages."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl

import pytest
import requests

from vetika_cli.embedded import free_port
from vetika_cli.sandbox.phone import Account, Phone
from vetika_cli.sandbox.phone_callbacks import signature
from vetika_cli.sandbox.phone_store import segments

ACCOUNT = Account(id="AC0123456789abcdef0123456789abcdef", secret="token")
KHMER = "វេទិកា"


@pytest.fixture
def make_phone(tmp_path):
    """A phone on a free port, always over the same folder."""
    return lambda: Phone(directory=tmp_path / "phone", http_port=free_port(), account=ACCOUNT)


@pytest.fixture
def phone(make_phone):
    """A phone that runs."""
    with make_phone() as running:
        yield running


def send(phone, *, auth=(ACCOUNT.id, ACCOUNT.secret), **form):
    """The Messages call."""
    form = {"To": "+85512345678", "From": "+85512000000", "Body": KHMER} | form
    url = f"{phone.url}/2010-04-01/Accounts/{ACCOUNT.id}/Messages.json"
    return requests.post(url, data=form, auth=auth, timeout=5)


@contextmanager
def receiver(*, port=0):
    """An HTTP server that keeps the calls it gets: (form, signature)."""
    calls = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            calls.append((form, self.headers["X-Twilio-Signature"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/callback", calls
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_accepted_message_is_answered_as_twilio_does_and_can_be_read(phone, eventually):
    """201 with a sid and `queued`; the list then shows text, parts and, soon, `delivered`."""
    answer = send(phone)
    assert answer.status_code == 201
    said = answer.json()
    assert (said["status"], said["num_segments"], said["error_code"]) == ("queued", "1", None)
    assert said["sid"].startswith("SM")

    def delivered():
        (shown,) = requests.get(f"{phone.url}/messages", timeout=5).json()["items"]
        return shown if shown["status"] == "delivered" else None

    assert eventually(delivered)["body"] == KHMER
    assert KHMER in requests.get(phone.url, timeout=5).text
    url = f"{phone.url}/2010-04-01/Accounts/{ACCOUNT.id}/Messages/{said['sid']}.json"
    assert requests.get(url, auth=(ACCOUNT.id, ACCOUNT.secret), timeout=5).json()["status"] == "delivered"


def test_the_status_callback_is_called_for_each_move_and_signed(phone, eventually):
    """First `sent`, then `delivered`; the signature is what Twilio documents for URL and form."""
    with receiver() as (url, calls):
        sid = send(phone, StatusCallback=url).json()["sid"]
        eventually(lambda: len(calls) == 2)
    assert [form["MessageStatus"] for form, _ in calls] == ["sent", "delivered"]
    for form, signed in calls:
        assert form["MessageSid"] == sid
        assert signed == signature(url, form, secret=ACCOUNT.secret)


def test_the_signature_is_the_one_of_twilios_own_example():
    """The example of Twilio's security page comes out."""
    parameters = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature(url, parameters, secret="12345") == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"To": "012345678"}, 400, 21211),
        ({"To": "+85512000021"}, 400, 21211),
        ({"To": "+85512000010"}, 400, 21610),
        ({"To": ""}, 400, 21604),
        ({"From": ""}, 400, 21603),
        ({"Body": ""}, 400, 21602),
        ({"Body": "x" * 1601}, 400, 21617),
    ],
)
def test_a_bad_message_is_refused_with_twilios_code(phone, form, status, code):
    """Each fault has the status and the code that a client of Twilio looks for; nothing is kept."""
    answer = send(phone, **form)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert requests.get(f"{phone.url}/messages", timeout=5).json()["items"] == []


def test_only_the_account_may_send(phone):
    """Another password is 401 with code 20003."""
    for auth in [(ACCOUNT.id, "wrong"), ("AC0", ACCOUNT.secret), None]:
        answer = send(phone, auth=auth)
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)


@pytest.mark.parametrize(("to", "status"), [("+85512000029", 429), ("+85512000050", 503)])
def test_a_number_that_fails_for_now_accepts_the_third_time(phone, to, status):
    """What a retry looks like: twice an error with Retry-After, then 201."""
    for _ in range(2):
        answer = send(phone, To=to)
        assert answer.status_code == status
        assert answer.headers["Retry-After"] == "1"
    assert send(phone, To=to).status_code == 201


def test_a_phone_that_is_off_is_reported_as_undelivered(phone, eventually):
    """The message is accepted and its callback says later that it did not arrive, with the code."""
    with receiver() as (url, calls):
        assert send(phone, To="+85512000030", StatusCallback=url).status_code == 201
        eventually(lambda: len(calls) == 2)
    assert (calls[1][0]["MessageStatus"], calls[1][0]["ErrorCode"]) == ("undelivered", "30003")


def test_a_report_that_nobody_took_is_made_by_the_next_run(make_phone, eventually):
    """A callback whose receiver was away when the phone stopped arrives after the phone's restart."""
    port = free_port()
    with make_phone() as first:
        assert send(first, StatusCallback=f"http://127.0.0.1:{port}/callback").status_code == 201
    with receiver(port=port) as (_, calls), make_phone():
        eventually(lambda: len(calls) == 2)
    assert [form["MessageStatus"] for form, _ in calls] == ["sent", "delivered"]


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("\u179c" * 70, 1),
        ("\u179c" * 71, 2),
        ("😀" * 35, 1),
    ],
)
def test_parts_are_counted_as_networks_do(body, parts):
    """160/153 for GSM-7, where some characters take two; 70/67 for everything else."""
    assert segments(body) == parts


def test_a_report_can_take_another_way_than_its_public_address(tmp_path, eventually):
    """A container does not reach the host's loopback; what is signed is the address that was given."""
    with receiver() as (inside, calls):
        via = inside.removesuffix("/callback")
        phone = Phone(directory=tmp_path / "phone", http_port=free_port(), account=ACCOUNT, callbacks_via=via)
        public = "https://forum.example:8443/callback"
        with phone:
            send(phone, StatusCallback=public)
            eventually(lambda: len(calls) == 2)
    for form, signed in calls:
        assert signed == signature(public, form, secret=ACCOUNT.secret)
