"""Sending: what leaves, what is tried again, what ends, and what several senders do with one queue."""

import os
import signal
import subprocess
import sys
from email.utils import parseaddr

import pytest

from notifications import metrics
from notifications.lane import LanePolicy
from vetika_kit.outbox import Aggregates

ADDRESS = "samnang@cambodia.example"
NUMBER = "+85592280685"


def _of(deliveries, channel):
    return deliveries.find_one({"channel": channel})


def _published(deliveries, channel):
    return [event["type"] for event in _of(deliveries, channel)["outbox"]["events"]]


def test_a_registration_is_told_by_mail_and_sms(
    ear, sending, deliveries, mail_server, sms_provider, eventually
):
    """One message on each channel, and each delivery says what became of it."""
    ear.everything()
    with sending():
        eventually(lambda: deliveries.count_documents({"state": "sent"}) == 2)
    (mail,) = mail_server.to(ADDRESS)
    assert mail["Subject"] == "Your seat is confirmed: Decentralization and Gender"
    assert parseaddr(mail["From"]) == ("Decentralization Forum Working Group", "forum@vetika.example")
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_body(("plain",)).get_content()
    assert "https://forum.vetika.example/m/r-1/KEY" in text
    assert [part.get_content_type() for part in mail.iter_attachments()] == ["text/calendar"]
    (sms,) = sms_provider.taken
    assert (sms["To"], sms["From"]) == (NUMBER, "+85512000000")
    assert "DF-7K3M9Q" in sms["Body"]
    delivery = _of(deliveries, "sms")
    assert sms["StatusCallback"] == (
        f"https://notify.vetika.example/v1/sms-status/{delivery['_id']}?attempt=1"
    )
    assert (delivery["provider_id"], delivery["sms_parts"], delivery["attempts"]) == ("SM1", 1, 1)
    assert _published(deliveries, "email") == _published(deliveries, "sms") == ["delivery.sent.v1"]
    events = [event for found in deliveries.find() for event in found["outbox"]["events"]]
    assert not any(ADDRESS in str(event) or NUMBER in str(event) for event in events)


def test_a_delivery_is_woken_for_and_not_polled(ear, sending, deliveries, eventually):
    """A sender that has nothing to do hears of a new delivery long before its next sweep."""
    with sending() as lanes:
        for lane in lanes.values():
            lane._policy = LanePolicy(threads=1, sweep=4)
        ticks = {lane: lane.ticked_at for lane in lanes.values()}
        eventually(lambda: all(lane.listening and lane.ticked_at > ticks[lane] for lane in lanes.values()))
        ear.everything()
        eventually(lambda: deliveries.count_documents({"state": "sent"}) == 2, seconds=2)


def test_a_busy_mailbox_is_tried_again_later(ear, sending, clock, deliveries, mail_server, eventually):
    """4xx: queued again, with the code and without the address, and sent when it is due."""
    mail_server.refusals[ADDRESS] = ["451 try later"]
    ear.everything(channels=["email"])
    with sending():
        eventually(lambda: deliveries.count_documents({"last_error": "smtp_451", "state": "queued"}))
        found = _of(deliveries, "email")
        assert found["lease"] is None
        assert 10 < (found["due_at"] - clock.now()).total_seconds() < 20
        assert not mail_server.messages
        clock.advance(seconds=20)
        eventually(lambda: deliveries.count_documents({"state": "sent", "attempts": 2}))
    assert len(mail_server.to(ADDRESS)) == 1


def test_a_mailbox_that_does_not_exist_is_not_asked_for_again(
    ear, sending, deliveries, mail_server, eventually
):
    """5xx ends at once, and that is published."""
    mail_server.refusals[ADDRESS] = ["550 unknown", "550 unknown"]
    ear.everything(channels=["email"])
    with sending():
        eventually(lambda: deliveries.count_documents({"state": "failed", "last_error": "smtp_550"}))
    assert mail_server.seen[ADDRESS] == 1
    (event,) = _of(deliveries, "email")["outbox"]["events"]
    assert (event["type"], event["data"]["reason"]) == ("delivery.failed.v1", "smtp_550")


def test_attempts_have_an_end(ear, sending, clock, deliveries, mail_server, eventually):
    """Who is always busy is given up after the attempts that the settings allow."""
    mail_server.refusals[ADDRESS] = ["451 later"] * 9
    ear.everything(channels=["email"])
    with sending(retry_attempts=2):
        eventually(lambda: deliveries.count_documents({"attempts": 1, "state": "queued"}))
        clock.advance(hours=2)
        eventually(lambda: deliveries.count_documents({"attempts": 2, "state": "failed"}))
    assert mail_server.seen[ADDRESS] == 2


def test_the_messages_of_one_delivery_have_one_id_and_those_of_a_resend_another(
    ear, sending, clock, deliveries, mail_server, secretariat, eventually
):
    """A mail system can drop what a crash made leave twice, but not what somebody wanted sent again."""
    ear.everything(channels=["email"])
    with sending():
        eventually(lambda: deliveries.count_documents({"state": "sent"}))
        found = _of(deliveries, "email")
        # As if the sender had died between sending and recording.
        deliveries.update_one(
            {"_id": found["_id"]},
            {"$set": {"state": "sending", "due_at": clock.now()}, "$inc": {"version": 1}},
        )
        eventually(lambda: len(mail_server.to(ADDRESS)) == 2)
        eventually(lambda: deliveries.count_documents({"state": "sent", "attempts": 2}))
        answer = secretariat.post(f"/v1/deliveries/{found['_id']}/resend")
        assert answer.status_code == 200
        eventually(lambda: deliveries.count_documents({"state": "sent", "attempts": 3}))
    one, again, resent = [mail["Message-ID"] for mail in mail_server.to(ADDRESS)]
    assert one == again != resent


def test_an_erased_person_gets_nothing(ear, sending, deliveries, mail_server, eventually, service):
    """Who is erased after the claim, before the sending, is not written to."""
    ear.everything(channels=["email"])
    service.database["contacts"].delete_many({})
    with sending():
        eventually(lambda: deliveries.count_documents({"state": "failed", "last_error": "erased"}))
    assert not mail_server.messages


def test_an_address_is_needed(ear, sending, deliveries, eventually):
    """A channel without an address ends at once and says why."""
    ear.everything(channels=["sms"], phone=None)
    with sending():
        eventually(lambda: deliveries.count_documents({"state": "failed", "last_error": "no_address"}))


def test_without_a_provider_sms_fail_and_can_be_seen(ear, sending, deliveries, eventually):
    """Nothing waits for ever for a way out that nobody configured."""
    ear.everything(channels=["sms"])
    with sending(sms_url=None):
        eventually(lambda: deliveries.count_documents({"state": "failed", "last_error": "not_configured"}))


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        ((400, {"code": 21211, "message": "Invalid"}, {}), "failed", "sms_21211"),
        ((400, {"code": 21610, "message": "STOP"}, {}), "failed", "sms_21610"),
        ((400, {"code": 21606, "message": "From is not yours"}, {}), "queued", "sms_21606"),
        ((400, {}, {}), "failed", "sms_400"),
        ((401, {"code": 20003}, {}), "queued", "sms_20003"),
        ((429, {"code": 20429}, {"Retry-After": "120"}), "queued", "sms_20429"),
        ((503, {}, {}), "queued", "sms_503"),
        ((302, {}, {"Location": "http://elsewhere.example"}), "queued", "sms_302"),
    ],
)
def test_the_providers_codes_are_understood(
    ear, sending, clock, deliveries, sms_provider, eventually, answer, state, code
):
    """What is about the number ends; what is about us, or passes, is tried again, not before it may be."""
    sms_provider.answers[NUMBER] = [answer]
    ear.everything(channels=["sms"])
    with sending():
        eventually(lambda: deliveries.count_documents({"state": state, "last_error": code}))
    if "Retry-After" in answer[2]:
        assert (_of(deliveries, "sms")["due_at"] - clock.now()).total_seconds() >= 120


def test_several_senders_share_the_work_and_send_nothing_twice(
    ear, sending, deliveries, mail_server, eventually
):
    """Three senders, sixty mails: each mail leaves once."""
    ear.hear(ear.forum())
    for number in range(60):
        ear.hear(ear.contact(f"p-{number}", email=f"p{number}@cambodia.example", channels=["email"]))
        ear.hear(ear.registration(registration_id=f"r-{number}", person_id=f"p-{number}"))
    with sending("one", sender_threads=2), sending("two", sender_threads=2), sending("three"):
        eventually(lambda: deliveries.count_documents({"state": "sent"}) == 60, seconds=30)
    assert len(mail_server.messages) == 60
    assert {found["attempts"] for found in deliveries.find()} == {1}
    assert mail_server.connections <= 8  # kept, not one a message


def test_a_limit_on_the_rate_is_kept(ear, sending, deliveries, mail_server, eventually):
    """Two a second: of six, the last leaves after two seconds at the earliest."""
    ear.hear(ear.forum())
    for number in range(6):
        ear.hear(ear.contact(f"p-{number}", email=f"p{number}@cambodia.example", channels=["email"]))
        ear.hear(ear.registration(registration_id=f"r-{number}", person_id=f"p-{number}"))
    import time  # noqa: PLC0415 - the passing of real time is what is tested

    started = time.monotonic()
    with sending(email_per_second=2.0):
        eventually(lambda: deliveries.count_documents({"state": "sent"}) == 6, seconds=20)
    assert time.monotonic() - started >= 2


_DIES_AFTER_THE_CLAIM = """
import os, signal, sys
from notifications import courier
from notifications.service import SERVICE

def die(self, delivery):
    os.kill(os.getpid(), signal.SIGKILL)

courier.EmailCourier.carry = die
sys.exit(SERVICE.main(["sender"]))
"""


def test_a_sender_that_is_killed_between_claim_and_send_loses_nothing(
    ear, service, sending, clock, deliveries, mail_server, eventually
):
    """The claim holds until its lease is over; then another sender sends, once."""
    ear.everything(channels=["email"])
    killed = subprocess.run(
        [sys.executable, "-c", _DIES_AFTER_THE_CLAIM],
        env={**os.environ, **service.environ, "VETIKA_SENDER_LEASE": "300"},
        timeout=60,
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    claimed = _of(deliveries, "email")
    assert (claimed["state"], claimed["attempts"]) == ("sending", 1)
    with sending() as lanes:
        eventually(lambda: all(lane.listening for lane in lanes.values()))
        assert _of(deliveries, "email")["state"] == "sending"
        clock.set(claimed["due_at"])
        clock.advance(seconds=1)
        eventually(lambda: deliveries.count_documents({"state": "sent", "attempts": 2}))
    assert len(mail_server.to(ADDRESS)) == 1


def test_a_message_that_always_kills_its_sender_is_given_up(ear, sending, clock, deliveries, eventually):
    """Attempts count from the claim, so that a crash does not make them endless."""
    ear.everything(channels=["email"])
    deliveries.update_one({}, {"$set": {"state": "sending", "attempts": 12, "due_at": clock.now()}})
    with sending():
        eventually(lambda: deliveries.count_documents({"state": "failed", "last_error": "interrupted"}))


def test_a_report_that_is_faster_than_the_sender_is_not_undone(
    ear, service, sending, deliveries, sms_provider, eventually, monkeypatch
):
    """The provider may report the arrival before the sender wrote down that the message was taken."""
    ear.everything(channels=["sms"])
    aggregates = Aggregates(deliveries, clock=service.clock)

    from notifications.courier import SmsCourier  # noqa: PLC0415 - patched for this test alone

    carry = SmsCourier.carry

    def reported_meanwhile(self, delivery):
        carried = carry(self, delivery)
        seen = aggregates.get(delivery["_id"])
        aggregates.update(seen, {"$set": {"state": "delivered", "due_at": None, "lease": None}})
        return carried

    monkeypatch.setattr(SmsCourier, "carry", reported_meanwhile)
    counted = metrics.ATTEMPTS.labels(channel="sms", left_as="delivered")._value
    before = counted.get()
    with sending():
        eventually(lambda: deliveries.count_documents({"state": "delivered", "sms_parts": 1}))
    assert _of(deliveries, "sms")["state"] == "delivered"
    assert counted.get() == before + 1


def test_what_is_due_is_found_by_its_index(ear, deliveries):
    """A claim does not read through all that was ever sent."""
    ear.everything()
    due = {"channel": "email", "state": {"$in": ["queued", "sending"]}, "due_at": {"$lte": ear.forum().time}}
    plan = deliveries.find(due).sort("due_at", 1).limit(8).explain()["queryPlanner"]["winningPlan"]
    assert "'indexName': 'due'" in str(plan)
    assert "'stage': 'SORT'" not in str(plan)
