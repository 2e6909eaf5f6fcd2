"""Disk: how many bytes of Kafka's disk an event and a registration take, and what a forum year comes to.

A whole platform plays a forum and a monthly meeting to the end, on a Kafka of its own: people apply, some
cancel, the line moves up, everybody is told by e-mail and half of them by SMS too. Then Kafka says how large
each topic is. Nothing is compressed, and nothing has been compacted yet.
"""

import secrets
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from vetika_cli.caller import Caller
from vetika_cli.platform import Platform
from vetika_cli.topology import declared_topics
from vetika_kit.topics import TopicSpec

QUIET = 4.0  # seconds without a new event after which all is said
KIB, MIB = 2**10, 2**20


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """What people come to."""

    name: str
    seats: int
    applications: int
    cancellations: int
    a_year: int


FORUM = Gathering(name="forum", seats=200, applications=260, cancellations=20, a_year=2)
MEETING = Gathering(name="meeting", seats=60, applications=60, cancellations=3, a_year=12)


@dataclass(frozen=True, kw_only=True)
class Log:
    """The topics, all partitions of each together."""

    events: Mapping[str, int]
    size: Mapping[str, int]  # bytes

    def since(self, before: "Log") -> "Log":
        """Return what came since."""
        return Log(
            events={topic: number - before.events[topic] for topic, number in self.events.items()},
            size={topic: number - before.size[topic] for topic, number in self.size.items()},
        )


class Kafka:
    """Kafka as somebody sees it who looks after its disk."""

    def __init__(self, bootstrap: str, *, topics: list[str]) -> None:
        self._topics = topics
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self._reader = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)

    def log(self) -> Log:
        """Return how many events each topic has, and how large it is."""
        size = dict.fromkeys(self._topics, 0)
        for broker in self._admin.describe_log_dirs():
            for folder in broker["log_dirs"]:
                for topic in folder["topics"]:
                    if topic["name"] in size:
                        size[topic["name"]] += sum(one["partition_size"] for one in topic["partitions"])
        return Log(events={topic: self._events(topic) for topic in self._topics}, size=size)

    def settled(self) -> Log:
        """Wait until nothing more is said."""
        last, since = self.log(), time.monotonic()
        while time.monotonic() - since < QUIET:
            time.sleep(0.5)
            now = self.log()
            if now.events != last.events:
                last, since = now, time.monotonic()
        return last

    def close(self) -> None:
        """Let go."""
        self._reader.close()
        self._admin.close()

    def _events(self, topic: str) -> int:
        partitions = [TopicPartition(topic, one) for one in self._reader.partitions_for_topic(topic) or ()]
        return sum(self._reader.end_offsets(partitions).values())


def _hold(gathering: Gathering, *, secretariat: Caller, anybody: Caller) -> None:
    """Announce it, let people apply, and let some cancel."""
    start = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0) + timedelta(days=60)
    plan = {
        "theme": {"en": "Decentralization and Gender", "km": "វិមជ្ឈការ និងយេនឌ័រ"},
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=8)).isoformat(),
        "venue": {
            "name": {"en": "Chaktomuk Conference Hall", "km": "សាលសន្និសីទចតុមុខ"},
            "address": {"en": "Sisowath Quay, Phnom Penh", "km": "ព្រះស៊ីសុវត្ថិ ភ្នំពេញ"},
        },
        "capacity": gathering.seats,
    }
    forum = secretariat.post("meetings", "/v1/forums", plan)
    for step in ("announcement", "registration-opening"):
        secretariat.post("meetings", f"/v1/forums/{forum['id']}/{step}")
    while True:
        answer = anybody.request("GET", "registration", f"/v1/forums/{forum['id']}")
        if answer.ok and answer.json()["status"] == "open":
            break
        time.sleep(0.05)
    registered = [
        anybody.post("registration", f"/v1/forums/{forum['id']}/registrations", _application(number))
        for number in range(gathering.applications)
    ]
    for one in registered[: gathering.cancellations]:
        secretariat.post("registration", f"/v1/registrations/{one['id']}/cancellation")
    secretariat.post("meetings", f"/v1/forums/{forum['id']}/registration-closing")


def _application(number: int) -> dict[str, Any]:
    return {
        "family_name": "Chea",
        "given_name": "Sophea",
        "name_km": "ជា សុភា",
        "gender": "female",
        "email": f"sophea.{secrets.token_hex(4)}@people.example",
        "phone": f"+85512{secrets.randbelow(900_000) + 100_000}",
        "language": "km" if number % 3 else "en",
        "channels": ["email", "sms"] if number % 2 else ["email"],
        "organization": "Commune Council of Sangkae",
        "stakeholder_category": "local_government",
    }


def _show(gathering: Gathering, came: Log) -> None:
    events, size = sum(came.events.values()), sum(came.size.values())
    print(
        f"a {gathering.name} of {gathering.seats} seats: {gathering.applications} applications, "
        f"{gathering.cancellations} cancellations: {events:,} events, {size / KIB:,.0f} KiB; "
        f"{events / gathering.applications:.1f} events and {size / gathering.applications / KIB:.1f} KiB "
        f"a registration, {size / events:,.0f} bytes an event"
    )
    for topic, number in came.events.items():
        if number:
            each = came.size[topic] / number
            print(f"  {topic.partition('.')[2]:28} {number:6,} events {each:6,.0f} bytes each")


def _allocated(folder: Path) -> int:
    """Return what the files below a folder really occupy, in bytes: Kafka's index files are mostly holes."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def _show_year(came: Mapping[Gathering, Log], *, specs: list[TopicSpec]) -> None:
    kept, contacts, people = 0.0, 0.0, 0
    for gathering, log in came.items():
        people += gathering.applications * gathering.a_year
        for spec in specs:
            of_a_year = log.size[spec.name] * gathering.a_year
            if spec.retention is None:
                contacts += of_a_year
            else:
                kept += of_a_year * (spec.retention / timedelta(days=365))
    print(f"a year of {' and '.join(f'{one.a_year} {one.name}s' for one in came)}: {people:,} registrations")
    print(f"  events topics, once full (retention of contracts/topics.yaml): {kept / MIB:.1f} MiB")
    print(f"  contacts, which stay until a person is erased: at most {contacts / MIB:.1f} MiB more a year")
    for replicas in (1, 3):
        total = replicas * (kept + 5 * contacts)
        print(
            f"  with {replicas} replica(s), after five years: {total / MIB:.0f} MiB in all brokers together"
        )


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder, Platform(Path(folder)) as platform:
        specs = declared_topics(platform.installation.coalition)
        data = platform.server("kafka").directory / "data"
        platform.start()
        kafka = Kafka(platform.installation.kafka_bootstrap, topics=[spec.name for spec in specs])
        callers = {"secretariat": platform.caller("secretariat"), "anybody": platform.caller()}
        before, came = kafka.settled(), {}
        for gathering in (FORUM, MEETING):
            _hold(gathering, **callers)
            after = kafka.settled()
            came[gathering] = after.since(before)
            _show(gathering, came[gathering])
            before = after
        _show_year(came, specs=specs)
        own = _allocated(data) - sum(before.size.values())
        print(f"  what Kafka keeps for itself, now: {own / MIB:.0f} MiB")
        kafka.close()


if __name__ == "__main__":
    main()
