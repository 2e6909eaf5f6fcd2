"""A whole platform, and those who look at it from outside: the mailbox, the phone, a partner, people."""

import json
import random
import secrets
import string
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient
from pymongo import MongoClient

from vetika_cli.caller import Caller
from vetika_cli.platform import Platform
from vetika_cli.topology import declared_topics
from vetika_kit.topics import Topics

# So that what is left half-way is settled while a test waits for it.
QUICK = {"VETIKA_HOLD_LIMIT": "1", "VETIKA_RETRY_FIRST": "0.5"}


@pytest.fixture(scope="session")
def platform(tmp_path_factory, mongodb_uri, kafka_bootstrap) -> Iterator[Platform]:
    """Every process of an installation, on the run's servers; who ends one starts it again."""
    folder = tmp_path_factory.mktemp("platform")
    with Platform(
        folder, mongodb_uri=mongodb_uri, kafka_bootstrap=kafka_bootstrap, environment=QUICK
    ) as platform:
        platform.start()
        yield platform
    forget(platform)


def forget(platform: Platform) -> None:
    """Take away what a platform left on servers that others use too."""
    coalition = platform.installation.coalition
    with MongoClient[dict[str, Any]](platform.installation.mongodb_uri) as client:
        for database in client.list_database_names():
            if database.startswith(f"{coalition}_"):
                client.drop_database(database)
    admin = KafkaAdminClient(bootstrap_servers=platform.installation.kafka_bootstrap)
    admin.delete_topics([spec.name for spec in declared_topics(coalition)])
    admin.close()


@dataclass(frozen=True, kw_only=True)
class Mail:
    """An e-mail as its reader has it."""

    subject: str
    text: str
    html: str
    attachments: dict[str, str]
    message_id: str


class Mailbox:
    """The mails that left, looked at through the mailbox's own interface."""

    def __init__(self, url: str) -> None:
        self._url = url

    def count(self, address: str | None = None) -> int:
        """Count the mails to an address, or all."""
        return len(self._items(address))

    def mails(self, address: str) -> list[Mail]:
        """Read every mail to an address, in the order in which they came."""
        return [self._read(item["number"]) for item in self._items(address)]

    def _items(self, address: str | None) -> list[dict[str, Any]]:
        wanted = {} if address is None else {"to": address}
        found = requests.get(f"{self._url}/messages", params=wanted, timeout=10)
        return list(found.json()["items"])

    def _read(self, number: int) -> Mail:
        shown = requests.get(f"{self._url}/messages/{number}", timeout=10).json()
        raw = requests.get(f"{self._url}/messages/{number}.eml", timeout=10).text
        texts = {part["content_type"]: part["text"] for part in shown["parts"] if not part["filename"]}
        (message_id,) = [
            line.partition(":")[2].strip()
            for line in raw.splitlines()
            if line.lower().startswith("message-id:")
        ]
        return Mail(
            subject=shown["subject"],
            text=texts.get("text/plain", ""),
            html=texts.get("text/html", ""),
            attachments={part["filename"]: part["text"] for part in shown["parts"] if part["filename"]},
            message_id=message_id,
        )


class Phone:
    """The SMS that left, looked at through the phone's own interface."""

    def __init__(self, url: str) -> None:
        self._url = url

    def messages(self, number: str) -> list[dict[str, Any]]:
        """Read every SMS to a number, in the order in which they came."""
        found = requests.get(f"{self._url}/messages", params={"to": number}, timeout=10)
        return list(found.json()["items"])


class Partner:
    """A partner's system: a consumer group of its own on every events topic, from the beginning."""

    def __init__(self, platform: Platform) -> None:
        coalition = platform.installation.coalition
        self.records: list[Any] = []  # as they came, those that are no event among them
        self._events: list[dict[str, Any]] = []
        self._consumer = KafkaConsumer(
            bootstrap_servers=platform.installation.kafka_bootstrap,
            group_id=f"{coalition}.partner-{secrets.token_hex(3)}",
            auto_offset_reset="earliest",
        )
        topics = [spec.name for spec in declared_topics(coalition) if not spec.compacted]
        for topic in topics:  # who joins a group before the partitions are known is given none for minutes
            assert self._consumer.partitions_for_topic(topic)
        self._consumer.subscribe(topics)

    def heard(self, **wanted: str) -> list[dict[str, Any]]:
        """Return the events so far whose attributes or data are these, e.g. ``subject=…``, ``forum_id=…``."""
        for records in self._consumer.poll(timeout_ms=200).values():
            for record in records:
                self.records.append(record)
                if event := _event(record.value):
                    self._events.append(event)
        return [
            event
            for event in self._events
            if all(event.get(name, event["data"].get(name)) == value for name, value in wanted.items())
        ]

    def close(self) -> None:
        """Leave."""
        self._consumer.close()


def _event(value: bytes | None) -> dict[str, Any] | None:
    """Read a record as a partner does who skips what is no event."""
    try:
        event = json.loads(value or b"null")
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("data"), dict) else None


@dataclass
class People:
    """People whom nobody else has thought of; every one is remembered."""

    made: list[dict[str, Any]] = field(default_factory=list)
    _random: random.Random = field(default_factory=lambda: random.Random(secrets.randbits(64)))  # noqa: S311 - names
    _first_phone: int = field(default_factory=lambda: 100_100 + secrets.randbelow(800_000))

    def new(self, **changed: Any) -> dict[str, Any]:
        """Return an application of a new person; a value of None leaves a field out."""
        number = len(self.made)
        word = "".join(self._random.choices(string.ascii_lowercase, k=9))
        khmer = "".join(self._random.choices("កខគឃងចឆជឈញដឋឌឍណតថទធនបផពភមយរលវសហឡអ", k=9))
        application = {
            "family_name": f"Chea{word[:5]}",
            "given_name": f"Soph{word[5:]}{number}",
            "name_km": f"ជា {khmer}",
            "gender": ("female", "male", "other", "undisclosed")[number % 4],
            "email": f"{word}{number}@people.example",
            "phone": f"+85512{self._first_phone + number}",
            "language": "en",
            "channels": ["email"],
            "organization": "Khmer Institute of Democracy",
            "stakeholder_category": "local_ngo",
            **changed,
        }
        self.made.append(application)
        return {name: value for name, value in application.items() if value is not None}

    @property
    def personal_data(self) -> set[str]:
        """Everything by which somebody could tell who any of them is."""
        names = ("family_name", "given_name", "name_km", "email", "phone")
        return {person[name] for person in self.made for name in names if person[name] is not None}


@dataclass(frozen=True, kw_only=True)
class Office:
    """The secretariat at work, over HTTP."""

    secretariat: Caller
    eventually: Callable[..., Any]

    def forum(self, *, seats: int = 200, days_ahead: int = 60, **changed: Any) -> dict[str, Any]:
        """Draft, announce and open a forum, and wait until people can register for it."""
        forum = self.announced(seats=seats, days_ahead=days_ahead, **changed)
        opened = self.secretariat.post("meetings", f"/v1/forums/{forum['id']}/registration-opening")
        self.eventually(lambda: self.status(forum["id"]) == "open", seconds=20)
        return dict(opened)

    def announced(self, *, seats: int, days_ahead: int = 60, **changed: Any) -> dict[str, Any]:
        """Draft and announce a forum."""
        day = datetime.now(UTC).replace(hour=1, minute=30, second=0, microsecond=0)
        starts = day + timedelta(days=days_ahead)
        plan = {
            "theme": {"en": "Decentralization and Gender", "km": "វិមជ្ឈការ និងយេនឌ័រ"},
            "starts_at": starts.isoformat(),
            "ends_at": (starts + timedelta(hours=8)).isoformat(),
            "venue": {
                "name": {"en": "Chaktomuk Conference Hall", "km": "សាលសន្និសីទចតុមុខ"},
                "address": {"en": "Sisowath Quay, Phnom Penh", "km": "ព្រះស៊ីសុវត្ថិ ភ្នំពេញ"},
            },
            "capacity": seats,
            **changed,
        }
        forum = self.secretariat.post("meetings", "/v1/forums", plan)
        return dict(self.secretariat.post("meetings", f"/v1/forums/{forum['id']}/announcement"))

    def status(self, forum_id: str) -> str | None:
        """Return a forum's status as registration knows it; None while it knows none."""
        answer = self.secretariat.request("GET", "registration", f"/v1/forums/{forum_id}")
        return str(answer.json()["status"]) if answer.ok else None

    def registrations(self, forum_id: str) -> list[dict[str, Any]]:
        """Return every registration of a forum, page by page."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": 200}
        while True:
            page = self.secretariat.get("registration", f"/v1/forums/{forum_id}/registrations", params=query)
            found.extend(page["items"])
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]

    def statistics(self, forum_id: str) -> dict[str, Any]:
        """Return a forum in numbers."""
        return dict(self.secretariat.get("registration", f"/v1/forums/{forum_id}/statistics"))


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Everybody who looks at a platform from outside."""

    office: Office
    anybody: Caller
    mailbox: Mailbox
    phone: Phone
    partner: Partner


@contextmanager
def outside_of(platform: Platform, eventually: Callable[..., Any]) -> Iterator[Outside]:
    """Look at a platform for as long as a block runs."""
    partner = Partner(platform)
    try:
        yield Outside(
            office=Office(secretariat=platform.caller("secretariat"), eventually=eventually),
            anybody=platform.caller(),
            mailbox=Mailbox(platform.url("mailbox")),
            phone=Phone(platform.url("phone")),
            partner=partner,
        )
    finally:
        partner.close()


@pytest.fixture(scope="session")
def looking_at(eventually) -> Callable[[Platform], AbstractContextManager[Outside]]:
    """`looking_at(platform)`: those who look at a platform that a test started for itself."""
    return lambda platform: outside_of(platform, eventually)


@pytest.fixture(scope="session")
def clear() -> Callable[[Platform], None]:
    """`clear(platform)`: take away what a platform left on the run's servers."""
    return forget


@pytest.fixture(scope="session")
def people() -> People:
    """Applications of people."""
    return People()


@pytest.fixture(scope="session")
def outside(platform, looking_at) -> Iterator[Outside]:
    """Those who look at the platform."""
    with looking_at(platform) as outside:
        yield outside


@pytest.fixture(scope="session")
def office(outside) -> Office:
    """The secretariat."""
    return outside.office


@pytest.fixture(scope="session")
def anybody(outside) -> Caller:
    """A caller without a token."""
    return outside.anybody


@pytest.fixture(scope="session")
def mailbox(outside) -> Mailbox:
    """The mails that left."""
    return outside.mailbox


@pytest.fixture(scope="session")
def phone(outside) -> Phone:
    """The SMS that left."""
    return outside.phone


@pytest.fixture(scope="session")
def partner(outside) -> Partner:
    """A partner's own reading of the stream."""
    return outside.partner


@pytest.fixture(scope="session")
def topics(platform) -> Topics:
    """The names of the platform's topics."""
    return Topics(coalition=platform.installation.coalition)
