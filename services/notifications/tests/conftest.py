"""Notifications on the real servers: MongoDB and Kafka of the run, a mail server, an SMS provider."""

import socket
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from urllib.parse import parse_qsl

import pytest
from aiosmtpd.controller import Controller

from notifications import consumes
from notifications.lane import LanePolicy
from notifications.planning import stores
from notifications.sender import make_lanes, run_lanes
from notifications.service import SERVICE
from notifications.store.contacts import CONTACTS
from notifications.store.deliveries import DELIVERIES
from notifications.store.forums import FORUMS
from notifications.store.roster import ROSTER
from vetika_kit.events import Received
from vetika_kit.handlers import Handlers
from vetika_kit.http.principals import Role
from vetika_kit.ids import new_id
from vetika_kit.inbox import UnitOfWork, is_transient
from vetika_kit.testing import ServiceUnderTest

ACCOUNT, TOKEN = "AC-test", "token-of-the-test"


class MailServer:
    """An SMTP server that keeps what it takes; refuses as it is told, by recipient."""

    def __init__(self):
        self.messages = []
        self.connections = 0
        self.refusals = {}  # recipient -> list of answers, one an attempt
        self.seen = Counter()

    async def handle_EHLO(self, _server, session, _, hostname, responses):  # noqa: N802 - aiosmtpd's names
        """Count who says hello."""
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, _server, _session, envelope, address, _):  # noqa: N802
        """Refuse as told."""
        self.seen[address] += 1
        answers = self.refusals.get(address)
        if answers:
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        """Keep."""
        self.messages.append(envelope)
        return "250 kept"

    def to(self, address):
        """Return the messages that one recipient got, parsed."""
        return [
            message_from_bytes(envelope.content, policy=default)
            for envelope in list(self.messages)
            if address in envelope.rcpt_tos
        ]


class SmsProvider:
    """A Messages API that keeps what it takes; answers as it is told, by recipient."""

    def __init__(self):
        self.taken = []
        self.answers = {}  # recipient -> list of (status, body, headers), one an attempt
        self.requests = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = dict(parse_qsl(content))
                provider.requests.append((self.path, dict(self.headers), form))
                answers = provider.answers.get(form["To"])
                if answers:
                    status, body, headers = answers.pop(0)
                else:
                    provider.taken.append(form)
                    status, body, headers = 201, {"sid": f"SM{len(provider.taken)}", "status": "queued"}, {}
                raw = dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_):
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def free_port():
    """Return a port that is free at this moment; aiosmtpd cannot choose one itself."""

    def find():
        with socket.create_server(("127.0.0.1", 0)) as found:
            return found.getsockname()[1]

    return find


@pytest.fixture
def mail_server(free_port):
    """A fresh mail server."""
    handler = MailServer()
    handler.port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port, ready_timeout=20)
    controller.start()
    yield handler
    controller.stop()


@pytest.fixture
def sms_provider():
    """A fresh SMS provider."""
    provider = SmsProvider()
    yield provider
    provider.close()


@pytest.fixture
def service(coalition, mongodb_uri, kafka_bootstrap, tmp_path, clock, mail_server, sms_provider):
    """The service with empty collections, a settable clock, and ways out to the two servers above."""
    under_test = ServiceUnderTest(
        SERVICE,
        coalition=coalition,
        mongodb_uri=mongodb_uri,
        kafka_bootstrap=kafka_bootstrap,
        folder=tmp_path,
        clock=clock,
        environ={
            "VETIKA_SMTP_PORT": str(mail_server.port),
            "VETIKA_SMTP_FROM": "forum@vetika.example",
            "VETIKA_SMTP_FROM_NAME": "Decentralization Forum Working Group",
            "VETIKA_SMS_URL": sms_provider.url,
            "VETIKA_SMS_ACCOUNT": ACCOUNT,
            "VETIKA_SMS_TOKEN": TOKEN,
            "VETIKA_SMS_FROM": "+85512000000",
            "VETIKA_PUBLIC_URL": "https://notify.vetika.example",
            "VETIKA_REGISTRATION_URL": "https://forum.vetika.example",
        },
    )
    for name in (CONTACTS, FORUMS, ROSTER, DELIVERIES):
        under_test.database[name].delete_many({})
    yield under_test
    under_test.close()


@pytest.fixture
def deliveries(service):
    """The collection of deliveries."""
    return service.database[DELIVERIES]


@pytest.fixture
def secretariat(service):
    """The secretariat as a caller."""
    return service.client(Role.SECRETARIAT)


class Ear:
    """Lets the service hear events as its worker would, each in a transaction of its own."""

    def __init__(self, service):
        self._service = service
        self._handlers = Handlers.in_module(consumes)

    def hear(self, event):
        """Let an event take effect; a conflict with another transaction is tried again."""
        while True:
            try:
                with self.unit() as work:
                    self.handle(event, work)
            except Exception as error:
                if not is_transient(error):
                    raise
            else:
                return event

    @contextmanager
    def unit(self):
        """A unit of work that is committed at the end."""
        database, clock = self._service.database, self._service.clock
        with database.client.start_session() as session, session.start_transaction():
            work = UnitOfWork(database=database, session=session, clock=clock)
            yield work
            work.flush()

    def handle(self, event, work):
        """Hand an event to its handler."""
        for handler in self._handlers.by_type.values():
            if handler.type == event.type:
                if handler.reads is not None:
                    event = Received(**{**vars(event), "data": handler.reads().load(event.data)})
                handler.handle(event, stores=stores(work))
                return
        raise LookupError(event.type)

    def _event(self, type_, *, subject, data, version=None):
        return Received(
            id=new_id(),
            type=type_,
            source="/test",
            subject=subject,
            time=self._service.clock.now(),
            data=data,
            key=subject,
            version=version,
        )

    def contact(self, person_id="p-1", *, version=1, **facts):
        """Tell of a person's contact."""
        data = {
            "person_id": person_id,
            "version": version,
            "family_name": "Meas",
            "given_name": "Samnang",
            "name_km": "មាស សំណាង",
            "email": "samnang@cambodia.example",
            "phone": "+85592280685",
            "language": "en",
            "channels": ["email", "sms"],
            "manage_key": "KEY",
            **facts,
        }
        return self._event("contact.recorded.v1", subject=person_id, data=data, version=version)

    def erasure(self, person_id="p-1", *, version=2):
        """Tell of an erasure."""
        return self._event("contact.erased.v1", subject=person_id, data=None, version=version)

    def forum(self, type_="forum.announced.v1", *, version=1, **facts):
        """Tell of a forum."""
        data = {
            "forum_id": "f-1",
            "version": version,
            "status": "announced",
            "theme": {"en": "Decentralization and Gender", "km": "វិមជ្ឈការ និងយេនឌ័រ"},
            "starts_at": "2027-03-10T01:00:00+00:00",
            "ends_at": "2027-03-10T10:00:00+00:00",
            "venue": {"name": {"en": "Sunway Hotel", "km": "សណ្ឋាគារ សាន់វេ"}, "address": None},
            "capacity": 200,
            **facts,
        }
        return self._event(type_, subject="f-1", data=data, version=version)

    def registration(self, step="confirmed", *, registration_id="r-1", person_id="p-1", version=1, **facts):
        """Tell of a step of a registration."""
        data = {
            "registration_id": registration_id,
            "version": version,
            "forum_id": "f-1",
            "person_id": person_id,
            "reference": "DF-7K3M9Q",
            "organization_id": None,
            "stakeholder_category": "local_ngo",
            "gender": "male",
            "language": "en",
            "role": "participant",
            **facts,
        }
        return self._event(f"registration.{step}.v1", subject=registration_id, data=data, version=version)

    def everything(self, **contact):
        """Tell of a person, a forum and the person's seat."""
        self.hear(self.contact(**contact))
        self.hear(self.forum())
        return self.hear(self.registration())


@pytest.fixture
def ear(service):
    """Lets the service hear events."""
    return Ear(service)


@pytest.fixture
def sending(service):
    """Run a sender while a `with` block runs, on the service's own settings; more blocks, more senders."""

    @contextmanager
    def run(owner="sender-1", **settings):
        config = replace(service.config, **settings)
        lanes = make_lanes(
            service.database,
            config=config,
            clock=service.clock,
            owner=owner,
            policy=LanePolicy(threads=config.sender_threads, sweep=0.2),
        )
        stop = threading.Event()
        thread = threading.Thread(target=run_lanes, args=(lanes,), kwargs={"stop": stop}, daemon=True)
        thread.start()
        try:
            yield lanes
        finally:
            stop.set()
            thread.join(20)
            assert not thread.is_alive()

    return run


@pytest.fixture
def now():
    """A moment."""
    return datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
