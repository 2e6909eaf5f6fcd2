"""A relay, a worker or a sender is killed at its worst moment: everybody is told, and nobody twice."""

from collections import Counter

import pytest
from pymongo import MongoClient

# Leases and sessions that end soon, so that a test need not wait as long as an operator would.
RELAY_THAT_DIES = """
from functools import partial
from vetika_kit import processes
from vetika_kit.leases import LeasePolicy
from vetika_kit.outboxes import Outboxes

processes.make_relay = partial(processes.make_relay, leases=LeasePolicy(duration=2.0, renewal=0.5))
Outboxes.acknowledge = lambda self, batch: die()
"""
WORKER_THAT_DIES = """
from vetika_kit import kafka_clients
from vetika_kit.inbox import Inbox

whole = kafka_clients.KafkaConsumer
kafka_clients.KafkaConsumer = lambda **settings: whole(
    **settings | {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 1_500}
)
commit = Inbox.in_transaction

def die_after(self, work):
    batch = commit(self, work)
    if batch.event_keys and "registration.events" in batch.position.topic:
        die()
    return batch

Inbox.in_transaction = die_after
"""
SHORT_CLAIM = """
from datetime import timedelta
from notifications.store import claims

made = claims.Claims.__init__

def short(self, *, policy, **others):
    made(self, policy=claims.ClaimPolicy(lease=timedelta(seconds=LEASE)), **others)

claims.Claims.__init__ = short
"""
SENDER_THAT_DIES = {
    # Nothing is begun when less than ten seconds of a lease are left; this one dies before it begins.
    "between claim and send": "LEASE = 1"
    + SHORT_CLAIM
    + """
claim = claims.Claims.claim

def die_after(self, channel, *, limit):
    claimed = claim(self, channel, limit=limit)
    if claimed:
        die()
    return claimed

claims.Claims.claim = die_after
""",
    "between send and record": "LEASE = 12"
    + SHORT_CLAIM
    + """
from notifications.lane import Lane

Lane._write_down = lambda self, delivery, carried: die()
""",
}


@pytest.fixture
def forum(office):
    """A forum with room for everybody."""
    return office.forum()


@pytest.fixture
def register(anybody):
    """`register(forum, person)`: apply for a seat."""
    return lambda forum, person: anybody.post(
        "registration", f"/v1/forums/{forum['id']}/registrations", person
    )


def test_a_relay_dies_between_publishing_and_acknowledging(
    platform, mortal, replace, forum, people, register, partner, mailbox, eventually, caught_up, nothing_waits
):
    """The next relay publishes again, with the same ids; every reader takes each event once."""
    replace(platform, "registration-relay", mortal("registration", RELAY_THAT_DIES))
    crowd = [people.new() for _ in range(5)]
    receipts = [register(forum, person) for person in crowd]
    assert platform.wait_ended("registration-relay") == -9
    platform.start("registration-relay")

    eventually(lambda: nothing_waits(platform, "registration"), seconds=30)
    eventually(lambda: all(mailbox.count(person["email"]) == 1 for person in crowd), seconds=30)

    def heard():
        events = partner.heard(forum_id=forum["id"], type="registration.confirmed.v1")
        return Counter(event["id"] for event in events)

    eventually(lambda: len(heard()) == len(receipts))
    eventually(lambda: max(heard().values()) == 2)  # else nothing was published before the death
    # Who was to be told twice would be planned for by then.
    eventually(lambda: caught_up(platform, "notifications"), seconds=30)
    assert _told(platform, forum) == {receipt["id"]: 1 for receipt in receipts}


def test_a_worker_dies_after_its_commit(
    platform, mortal, replace, forum, people, register, mailbox, eventually, caught_up
):
    """The position lies with the effects: the next worker goes on behind them, and nobody is told twice."""
    replace(platform, "notifications-worker", mortal("notifications", WORKER_THAT_DIES))
    person = people.new()
    receipt = register(forum, person)
    assert platform.wait_ended("notifications-worker") == -9
    assert _told(platform, forum) == {receipt["id"]: 1}

    platform.start("notifications-worker")
    eventually(lambda: mailbox.count(person["email"]) == 1, seconds=30)
    eventually(lambda: caught_up(platform, "notifications"), seconds=30)
    assert _told(platform, forum) == {receipt["id"]: 1}
    assert mailbox.count(person["email"]) == 1


def test_a_sender_dies_between_claim_and_send(
    platform, mortal, replace, forum, people, register, office, mailbox, eventually
):
    """What it claimed is sent by the next sender when the claim ends, once."""
    code = SENDER_THAT_DIES["between claim and send"]
    replace(platform, "notifications-sender", mortal("notifications", code))
    person = people.new()
    receipt = register(forum, person)
    assert platform.wait_ended("notifications-sender") == -9
    assert mailbox.count(person["email"]) == 0

    platform.start("notifications-sender")
    (delivery,) = eventually(lambda: _deliveries(office, receipt, "sent"), seconds=30)
    assert delivery["attempts"] == 2
    assert mailbox.count(person["email"]) == 1


@pytest.mark.slow
def test_a_sender_dies_between_send_and_record(
    platform, mortal, replace, forum, people, register, office, mailbox, phone, eventually
):
    """An SMS that the provider reports is not sent again; a mail is, under the same id."""
    code = SENDER_THAT_DIES["between send and record"]
    replace(platform, "notifications-sender", mortal("notifications", code))
    by_sms = people.new(email=None, channels=["sms"])
    told = register(forum, by_sms)
    assert platform.wait_ended("notifications-sender") == -9
    eventually(lambda: _deliveries(office, told, "delivered"))

    platform.start("notifications-sender")
    replace(platform, "notifications-sender", mortal("notifications", code))
    by_mail = people.new()
    receipt = register(forum, by_mail)
    assert platform.wait_ended("notifications-sender") == -9
    platform.start("notifications-sender")
    (delivery,) = eventually(lambda: _deliveries(office, receipt, "sent"), seconds=40)
    assert delivery["attempts"] == 2
    first, second = mailbox.mails(by_mail["email"])
    assert first.message_id == second.message_id
    assert len(phone.messages(by_sms["phone"])) == 1


def _deliveries(office, receipt, state):
    query = {"registration_id": receipt["id"], "state": state}
    return office.secretariat.get("notifications", "/v1/deliveries", params=query)["items"]


def _told(platform, forum):
    """How many deliveries, or plans of one, each registration of a forum has."""
    with MongoClient(platform.installation.mongodb_uri) as client:
        database = client[f"{platform.installation.coalition}_notifications"]
        return Counter(
            one["registration_id"] for one in database["deliveries"].find({"forum_id": forum["id"]})
        )
