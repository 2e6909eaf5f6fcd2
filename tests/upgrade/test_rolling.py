"""An upgrade as an operator does it: process by process, consumers first, while people register."""

import os
import shutil
import subprocess
import threading
from collections import Counter
from contextlib import contextmanager
from uuid import uuid4

import pytest
import requests
from pymongo import MongoClient

from vetika_cli.installation import SERVICES
from vetika_cli.platform import Platform
from vetika_cli.processes import processes
from vetika_cli.upgrade.reports import of_embedded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEATS = 30
RETRIED = {502, 503, 504}  # a client comes back with the same key, as it does when nobody answers


class Crowd:
    """People who register without a pause, through whichever API answers, as a gateway would lead them."""

    def __init__(self, *platforms, forum, people):
        self.receipts = {}  # by e-mail address
        self.refusals = []
        self._platforms = platforms
        self._forum = forum
        self._people = people
        self._stop = threading.Event()

    @contextmanager
    def registering(self, *, threads=2):
        """Let them come while a block runs."""
        running = [threading.Thread(target=self._come, daemon=True) for _ in range(threads)]
        for thread in running:
            thread.start()
        yield
        self._stop.set()
        for thread in running:
            thread.join(60)
            assert not thread.is_alive()

    def _come(self):
        while not self._stop.wait(0.1):
            self.register()

    def register(self):
        """Register one more, and come back until there is an answer."""
        person, key = self._people.new(), str(uuid4())
        while True:
            for platform in self._platforms:
                if (answer := self._post(platform, person, key)) is None:
                    continue
                if answer.status_code != 201:
                    self.refusals.append((answer.status_code, answer.text))
                self.receipts[person["email"]] = answer.json()
                return answer.json()

    def _post(self, platform, person, key):
        url = f"{platform.url('registration')}/v1/forums/{self._forum['id']}/registrations"
        try:
            answer = requests.post(url, json=person, headers={"Idempotency-Key": key}, timeout=30)
        except requests.ConnectionError:
            return None
        return None if answer.status_code in RETRIED else answer


@pytest.fixture
def older(tmp_path, mongodb_uri, kafka_bootstrap, older_code, clear):
    """The platform as it was, with everything running."""
    with Platform(
        tmp_path / "older", mongodb_uri=mongodb_uri, kafka_bootstrap=kafka_bootstrap, environment=older_code
    ) as platform:
        platform.start()
        yield platform
    clear(platform)


@pytest.fixture
def newer(older, tmp_path):
    """The present code beside it: databases, topics, secrets, mailbox and phone are the same; not started."""
    installation = older.installation
    shutil.copytree(installation.secrets, tmp_path / "newer" / "secrets")
    shared = {
        "VETIKA_SMTP_PORT": str(installation.port("smtp")),
        "VETIKA_SMS_URL": older.url("phone"),
        "VETIKA_REGISTRATION_URL": older.url("registration"),
        "VETIKA_PUBLIC_URL": older.url("registration"),
    }
    with Platform(
        tmp_path / "newer",
        mongodb_uri=installation.mongodb_uri,
        kafka_bootstrap=installation.kafka_bootstrap,
        coalition=installation.coalition,
        environment=shared,
    ) as platform:
        yield platform


def _stops(platform):
    """What the present code finds that would stop an upgrade."""
    reports = [*of_embedded(platform.installation)]
    assert {report.service for report in reports} == set(SERVICES)
    return [finding for report in reports for finding in report.findings if finding.level == "bad"]


def _replace(leaves, comes, name):
    """Start the one that comes, then stop the one that leaves: for a while both work."""
    comes.start(name)
    leaves.stop(name)


def test_every_process_is_replaced_while_people_register(older, newer, people, looking_at, eventually):
    """Nobody is refused, no event is lost or told twice, no seat is sold twice, and there is a way back."""
    with looking_at(older) as outside:
        forum = outside.office.forum(seats=SEATS)
        crowd = Crowd(older, newer, forum=forum, people=people)
        first = [crowd.register() for _ in range(5)]
        assert _stops(newer) == []
        assert [_remembered(older, service) for service in SERVICES] == [0] * len(
            SERVICES
        )  # it is older code

        with crowd.registering():
            for service in ("notifications", "recommendations", "meetings", "registration"):
                _replace(older, newer, f"{service}-worker")
            _replace(older, newer, "notifications-sender")
            for service in SERVICES:
                _replace(older, newer, f"{service}-relay")
                _replace(older, newer, f"{service}-api")
            assert [name for name in older.running if name.split("-")[0] in SERVICES] == []
            eventually(lambda: len(crowd.receipts) > SEATS + 5, seconds=60)
            # And back again with one: what the new code wrote, the old one reads.
            _replace(newer, older, "notifications-worker")
            last = crowd.register()
            eventually(lambda: outside.mailbox.count(_address(crowd, last)) == 1, seconds=60)
            _replace(older, newer, "notifications-worker")

        with looking_at(newer) as after:
            _nothing_is_lost(crowd, after, newer, forum, eventually)
            # A seat that was taken in the old version goes to the first in the line of the new one.
            given_up = next(one for one in first if one["status"] == "confirmed")
            next_one = min(
                (one for one in crowd.receipts.values() if one["status"] == "waitlisted"),
                key=lambda one: one["waitlist_number"],
            )
            after.office.secretariat.post("registration", f"/v1/registrations/{given_up['id']}/cancellation")
            eventually(lambda: outside.mailbox.count(_address(crowd, next_one)) == 2, seconds=60)
    assert crowd.refusals == []
    assert _stops(newer) == []
    assert [_migrate(newer, service) for service in SERVICES] == [0] * len(SERVICES)


def _migrate(platform, service):
    """The status of the one-shot that an operator may run last."""
    (worker,) = (one for one in processes(platform.installation) if one.name == f"{service}-worker")
    command = [*worker.command[:-1], "migrate"]
    return subprocess.run(
        command, env={**os.environ, **worker.environment}, timeout=60, check=False
    ).returncode


def _remembered(platform, service):
    """How many releases of a service have left a record; the oldest ones left none."""
    with MongoClient(platform.installation.mongodb_uri) as client:
        return client[f"{platform.installation.coalition}_{service}"]["releases"].count_documents({})


def _address(crowd, receipt):
    return next(email for email, one in crowd.receipts.items() if one["id"] == receipt["id"])


def _nothing_is_lost(crowd, outside, newer, forum, eventually):
    registered = outside.office.registrations(forum["id"])
    assert {one["id"] for one in registered} == {one["id"] for one in crowd.receipts.values()}
    states = Counter(one["status"] for one in registered)
    assert (states["confirmed"], sum(states.values())) == (SEATS, len(crowd.receipts))
    line = sorted(one["waitlist_number"] for one in registered if one["status"] == "waitlisted")
    assert line == [*range(1, len(line) + 1)]

    def told():
        heard = outside.partner.heard(forum_id=forum["id"])
        return {event["subject"] for event in heard if event["type"].startswith("registration.")}

    eventually(lambda: told() >= {one["id"] for one in registered}, seconds=60)
    with MongoClient(newer.installation.mongodb_uri) as client:
        databases = {service: client[f"{newer.installation.coalition}_{service}"] for service in SERVICES}
        deliveries = databases["notifications"]["deliveries"]
        eventually(
            lambda: deliveries.count_documents({"forum_id": forum["id"], "state": "sent"}) >= len(registered),
            seconds=60,
        )
        planned = Counter(one["registration_id"] for one in deliveries.find({"forum_id": forum["id"]}))
        assert planned == dict.fromkeys((one["id"] for one in registered), 1)
        for service, database in databases.items():
            assert database["dead_letters"].count_documents({}) == 0, service
            assert _remembered(newer, service) == 1
