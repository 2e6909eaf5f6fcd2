"""The mailbox, through SMTP and its own pages."""

import smtplib
from email.message import EmailMessage

import pytest
import requests

from vetika_cli.embedded import free_port
from vetika_cli.sandbox.mailbox import Mailbox

KHMER = "ការចុះឈ្មោះរបស់អ្នកត្រូវបានបញ្ជាក់"


@pytest.fixture
def make_mailbox(tmp_path):
    """A mailbox on free ports, always over the same folder."""

    def make():
        return Mailbox(directory=tmp_path / "mail", smtp_port=free_port(), http_port=free_port())

    return make


@pytest.fixture
def mailbox(make_mailbox):
    """A mailbox that runs."""
    with make_mailbox() as running:
        yield running


def message(*, to="sok@ngo.example", subject="Your seat"):
    """A mail as notifications makes them: text, HTML and a calendar file."""
    mail = EmailMessage()
    mail["From"] = "DFWG <forum@dfwg.example>"
    mail["To"] = to
    mail["Subject"] = subject
    mail.set_content(f"{KHMER}\nhttps://vetika.example/manage/1\n")
    mail.add_alternative(f"<p>{KHMER}</p><script>alert(1)</script>", subtype="html")
    mail.add_attachment(b"BEGIN:VCALENDAR", maintype="text", subtype="calendar", filename="forum.ics")
    return mail


def send(mailbox, mail, *, to=None):
    """Send through SMTP as a service would."""
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=10) as client:
        client.send_message(mail, to_addrs=to)


def test_a_mail_can_be_read_decoded_with_its_parts(mailbox):
    """Subject, text, HTML and attachment come out as they went in, Khmer included."""
    send(mailbox, message(subject=KHMER))
    (listed,) = requests.get(f"{mailbox.url}/messages", timeout=5).json()["items"]
    assert listed["subject"] == KHMER
    assert listed["recipients"] == ["sok@ngo.example"]
    shown = requests.get(f"{mailbox.url}/messages/{listed['number']}", timeout=5).json()
    text, html, calendar = shown["parts"]
    assert KHMER in text["text"]
    assert html["content_type"] == "text/html"
    assert KHMER in html["text"]
    assert (calendar["filename"], calendar["text"].strip()) == ("forum.ics", "BEGIN:VCALENDAR")


def test_the_list_can_be_cut_to_one_recipient_and_to_what_is_new(mailbox):
    """`to` compares the envelope's recipients without case; `after` leaves out what was seen."""
    send(mailbox, message(), to=["hidden@ngo.example"])
    send(mailbox, message(), to=["other@ngo.example"])
    url = f"{mailbox.url}/messages"
    (first,) = requests.get(url, params={"to": "Hidden@ngo.example"}, timeout=5).json()["items"]
    (second,) = requests.get(url, params={"after": first["number"]}, timeout=5).json()["items"]
    assert second["recipients"] == ["other@ngo.example"]


def test_mails_outlive_a_restart_and_numbers_go_on(make_mailbox):
    """What was accepted is there after a restart, and no number is given twice."""
    with make_mailbox() as first:
        send(first, message(subject="One"))
    with make_mailbox() as second:
        send(second, message(subject="Two"))
        items = requests.get(f"{second.url}/messages", timeout=5).json()["items"]
    assert [(item["number"], item["subject"]) for item in items] == [(1, "One"), (2, "Two")]


def test_an_address_that_bounces_is_refused_for_good(mailbox):
    """The server answers 550 to a local part that begins with bounce, and keeps nothing."""
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mailbox, message(to="bounce.sok@ngo.example"))
    assert refused.value.recipients["bounce.sok@ngo.example"][0] == 550
    assert requests.get(f"{mailbox.url}/messages", timeout=5).json()["items"] == []


def test_a_busy_address_is_refused_twice_and_then_accepts(mailbox):
    """451, 451, accepted: what a retry looks like."""
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            send(mailbox, message(to="later@ngo.example"))
        assert refused.value.recipients["later@ngo.example"][0] == 451
    send(mailbox, message(to="later@ngo.example"))


def test_pages_show_the_mail_and_run_nothing_of_it(mailbox):
    """The HTML of a stranger is shown in a frame whose policy lets nothing run; the list escapes subjects."""
    send(mailbox, message(subject="<script>alert(1)</script>"))
    page = requests.get(mailbox.url, timeout=5)
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    mail = requests.get(f"{mailbox.url}/mails/1", timeout=5)
    assert KHMER in mail.text
    assert "<iframe sandbox" in mail.text
    part = requests.get(f"{mailbox.url}/messages/1/parts/1", timeout=5)
    assert part.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize("path", ["/messages/7", "/messages/7.eml", "/mails/7", "/messages/7/parts/0"])
def test_a_mail_that_is_not_there_is_not_found(mailbox, path):
    """A number that was never given answers 404."""
    assert requests.get(mailbox.url + path, timeout=5).status_code == 404


def test_a_message_in_an_unknown_charset_is_still_listed(mailbox):
    """What cannot be decoded is shown as far as it can be."""
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=10) as client:
        client.sendmail(
            "a@b.example",
            ["c@d.example"],
            b"Subject: =?nonsense?q?x?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
        )
    assert requests.get(f"{mailbox.url}/messages/1", timeout=5).json()["parts"][0]["text"]
