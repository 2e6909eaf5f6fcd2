"""People register for a forum, are told, wait in line, give their seats back and move up."""

from datetime import datetime
from zoneinfo import ZoneInfo

import icalendar
import pytest
from babel.dates import format_date

from vetika_kit.ids import short_id

PHNOM_PENH = ZoneInfo("Asia/Phnom_Penh")


def test_a_confirmation_says_what_where_and_when(office, people, register, mailbox, eventually, open_link):
    """Theme, place, day and hours in Phnom Penh, reference, link; and all of it as a calendar file."""
    forum = office.forum()
    person = people.new()
    receipt = register(forum, person)
    assert receipt["status"] == "confirmed"
    assert receipt["place_in_line"] is None

    (mail,) = eventually(lambda: mailbox.mails(person["email"]), seconds=20)
    starts = datetime.fromisoformat(forum["starts_at"]).astimezone(PHNOM_PENH)
    assert "Decentralization and Gender" in mail.subject
    for text in (mail.text, mail.html):
        for said in (
            person["family_name"],
            "Decentralization and Gender",
            "Chaktomuk Conference Hall",
            "Sisowath Quay, Phnom Penh",
            format_date(starts, format="long", locale="en_GB").removeprefix("0"),
            "8:30",
            "4:30",
            receipt["reference"],
            f"/m/{short_id(receipt['id'])}/",
        ):
            assert said in text

    (attached,) = mail.attachments.values()
    (event,) = icalendar.Calendar.from_ical(attached).walk("VEVENT")
    assert event["DTSTART"].dt == datetime.fromisoformat(forum["starts_at"])
    assert event["DTEND"].dt == datetime.fromisoformat(forum["ends_at"])
    assert event["SUMMARY"] == "Decentralization and Gender"
    assert "Chaktomuk Conference Hall" in event["LOCATION"]

    page = open_link(mail.text)
    assert receipt["reference"] in page.text
    assert icalendar.Calendar.from_ical(page.follow("forum.ics").html)


def test_a_khmer_reader_is_told_in_khmer(office, people, register, mailbox, phone, eventually, open_link):
    """Mail, SMS and page are Khmer; the SMS counts as the sixteen-bit parts that it costs."""
    forum = office.forum()
    person = people.new(language="km", channels=["email", "sms"])
    receipt = register(forum, person)

    (mail,) = eventually(lambda: mailbox.mails(person["email"]), seconds=20)
    for said in ("វិមជ្ឈការ និងយេនឌ័រ", "សាលសន្និសីទចតុមុខ", person["name_km"], "ម៉ោងនៅភ្នំពេញ"):
        assert said in mail.text
    page = open_link(mail.text)
    assert page.language == "km"
    assert "វិមជ្ឈការ និងយេនឌ័រ" in page.text

    (sms,) = eventually(lambda: phone.messages(person["phone"]), seconds=20)
    assert "វិមជ្ឈការ និងយេនឌ័រ" in sms["body"]
    assert receipt["reference"] in sms["body"]
    units = len(sms["body"].encode("utf-16-be")) // 2
    assert units > 70
    assert sms["segments"] == -(-units // 67)
    (delivery,) = eventually(lambda: _deliveries(office, receipt, channel="sms", state="delivered"))
    assert delivery["sms_parts"] == sms["segments"]
    assert person["phone"] not in str(delivery)


def test_a_person_without_e_mail_manages_by_sms(office, people, register, phone, eventually, open_link):
    """The SMS brings the link, because nothing else does."""
    person = people.new(email=None, channels=["sms"])
    receipt = register(office.forum(), person)
    (sms,) = eventually(lambda: phone.messages(person["phone"]), seconds=20)
    assert receipt["reference"] in open_link(sms["body"]).text


def test_the_line_is_in_order_and_moves_when_a_seat_is_given_back(
    office, people, register, mailbox, phone, partner, eventually, open_link
):
    """Who cancels on the page that the mail links to makes room for the first in line, who is told at once.

    Everybody else stays where they are; the page needs no JavaScript.
    """
    forum = office.forum(seats=1)
    seated, first, second = (
        people.new(),
        people.new(language="km", channels=["email", "sms"]),
        people.new(),
    )
    receipts = [register(forum, person) for person in (seated, first, second)]
    assert [receipt["status"] for receipt in receipts] == ["confirmed", "waitlisted", "waitlisted"]
    assert [receipt["place_in_line"] for receipt in receipts] == [None, 1, 2]
    (mail,) = eventually(lambda: mailbox.mails(second["email"]), seconds=20)
    assert "number 2 on the waitlist" in mail.text
    waiting = open_link(mail.text)
    assert "2" in waiting.text

    (mail,) = eventually(lambda: mailbox.mails(seated["email"]), seconds=20)
    page = open_link(mail.text)
    assert page.scripts == 0
    asked = page.follow("step=cancel")
    gone = asked.submit()
    assert gone.status == 200
    assert "cancelled" in gone.text.lower()
    assert "step=cancel" not in gone.html

    mails = eventually(lambda: _two(mailbox.mails(first["email"])), seconds=20)
    assert "វិមជ្ឈការ និងយេនឌ័រ" in mails[1].subject
    assert list(mails[1].attachments) == ["forum.ics"]
    eventually(lambda: len(phone.messages(first["phone"])) == 2, seconds=20)
    told = eventually(lambda: _two(mailbox.mails(seated["email"])), seconds=20)
    assert "cancelled" in told[1].subject

    shown = {one["id"]: one for one in office.registrations(forum["id"])}
    now = [shown[receipt["id"]] for receipt in receipts]
    assert [one["status"] for one in now] == ["cancelled", "confirmed", "waitlisted"]
    assert now[2]["place_in_line"] == 1
    assert mailbox.count(second["email"]) == 1
    eventually(lambda: partner.heard(subject=receipts[0]["id"], type="registration.cancelled.v1"))
    eventually(lambda: partner.heard(subject=receipts[1]["id"], type="registration.promoted.v1"))
    assert not partner.heard(subject=receipts[2]["id"], type="registration.promoted.v1")


def test_nobody_learns_who_is_registered_by_trying(office, people, register, anybody):
    """The same person again is refused in the same words for everybody; the secretariat is told who."""
    forum = office.forum()
    person = people.new()
    receipt = register(forum, person)
    path = f"/v1/forums/{forum['id']}/registrations"
    again = {**person, "email": person["email"].upper(), "phone": None, "given_name": "Other"}
    refused = anybody.request("POST", "registration", path, json=again)
    assert refused.status_code == 409
    assert receipt["reference"] not in refused.text
    assert receipt["id"] not in refused.text
    told = office.secretariat.request("POST", "registration", path, json=again)
    assert receipt["reference"] in told.text
    assert anybody.request("GET", "registration", f"/v1/registrations/{receipt['id']}").status_code == 401


@pytest.mark.parametrize(
    ("who", "state"),
    [({"email": "bounce-{}@people.example"}, "failed"), ({"email": "later-{}@people.example"}, "sent")],
    ids=["refused for good", "busy for now"],
)
def test_a_mailbox_that_refuses(who, state, office, people, register, mailbox, eventually):
    """For good: the delivery has failed after one attempt. For now: it is tried until it is taken, once."""
    person = people.new(email=who["email"].format(people.new()["given_name"].lower()))
    receipt = register(office.forum(), person)
    (delivery,) = eventually(lambda: _deliveries(office, receipt, state=state), seconds=30)
    assert delivery["attempts"] == (1 if state == "failed" else 3)
    assert mailbox.count(person["email"]) == (0 if state == "failed" else 1)


def test_an_sms_that_never_arrives_is_known_as_failed(office, people, register, eventually):
    """The provider's later report turns sent into failed, with its code."""
    person = people.new(phone="+85512000030", email=None, channels=["sms"])
    receipt = register(office.forum(), person)
    (delivery,) = eventually(lambda: _deliveries(office, receipt, state="failed"), seconds=30)
    assert "30003" in delivery["last_error"]


def _deliveries(office, receipt, **wanted):
    query = {"registration_id": receipt["id"], **wanted}
    return office.secretariat.get("notifications", "/v1/deliveries", params=query)["items"]


def _two(mails):
    return mails if len(mails) == 2 else None
