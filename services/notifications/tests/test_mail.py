"""The message as it travels."""

from email import message_from_bytes
from email.policy import default

import pytest

from notifications.mail import Recipient, Sender, UnusableAddressError, message
from notifications.messages.render import Email

CONTENT = Email(subject="កន្លែងរបស់លោកអ្នក៖ " + "វិមជ្ឈការ " * 12, text="អត្ថបទ\n" * 40, html="<p>អត្ថបទ</p>" * 80)
SENDER = Sender(address="forum@vetika.example", name="វេទិកា, DFWG; “x”")


def _made(now, *, content=CONTENT, sender=SENDER, address="a@b.example", name="មាស សំណាង", calendar=None):
    return message(
        content,
        sender=sender,
        recipient=Recipient(address=address, name=name),
        message_id="d-1.0",
        calendar=calendar,
        now=now,
    )


def test_khmer_arrives_as_it_was_written(now):
    """Subject, names, both texts and the calendar survive the way, and the bytes are ASCII lines that fit."""
    raw = _made(now, calendar="BEGIN:VCALENDAR\r\nSUMMARY:វិមជ្ឈការ\r\nEND:VCALENDAR\r\n".encode()).as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    read = message_from_bytes(raw, policy=default)
    assert read["Subject"] == CONTENT.subject.strip()
    assert read["From"].addresses[0].display_name == SENDER.name
    assert read["To"].addresses[0].display_name == "មាស សំណាង"
    assert read["Message-ID"] == "<d-1.0@vetika.example>"
    assert read.get_body(("plain",)).get_content().replace("\r\n", "\n") == CONTENT.text
    assert read.get_body(("html",)).get_content().strip() == CONTENT.html
    (attached,) = read.iter_attachments()
    assert attached.get_content_type() == "text/calendar"
    assert attached["Content-Type"].params["method"] == "PUBLISH"
    assert attached.get_filename() == "forum.ics"
    assert "SUMMARY:វិមជ្ឈការ\r\n" in attached.get_payload(decode=True).decode()


@pytest.mark.parametrize("evil", ["\r\nBcc: x@y.example", "\nX: 1", "\r", "\u2028Bcc: x", "\x00", "\x0b"])
def test_no_header_can_be_added_from_inside_a_value(now, evil):
    """A line end in a name or a theme becomes a space; no header that we did not write appears."""
    content = Email(subject=f"Theme{evil}", text="x", html="x")
    made = _made(now, content=content, sender=Sender(address="f@v.example", name=f"N{evil}"), name=f"M{evil}")
    read = message_from_bytes(made.as_bytes(), policy=default)
    expected = {
        "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
        "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert set(read.keys()) == expected
    assert [address.addr_spec for address in read["To"].addresses] == ["a@b.example"]


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b.example\r\nBcc: x@y.example", "a@b.example, c@d.example", "a b@c.example"]
)
def test_an_address_that_is_none_is_refused(now, address):
    """One recipient, or none at all."""
    with pytest.raises(UnusableAddressError):
        _made(now, address=address)


def test_a_khmer_domain_has_an_ascii_form(now):
    """Servers speak ASCII domain names."""
    assert _made(now, address="a@ខ្មែរ.example")["To"].addresses[0].domain.startswith("xn--")
