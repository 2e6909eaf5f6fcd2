"""An e-mail as it travels: plain text, HTML and the calendar file in one MIME message."""

from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from notifications.messages.render import Email

# Quoted-printable or base64 for all that is not ASCII: it passes every server, also those without 8BITMIME.
_POLICY = SMTP.clone(cte_type="7bit")


class UnusableAddressError(Exception):
    """An address cannot stand in a header; the message would reach nobody."""


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Whom a message comes from."""

    address: str
    name: str
    reply_to: str | None = None


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Whom it goes to."""

    address: str
    name: str


def message(
    content: Email,
    *,
    sender: Sender,
    recipient: Recipient,
    message_id: str,
    calendar: bytes | None,
    now: datetime,
) -> EmailMessage:
    """Build the message.

    Args:
        content: What it says.
        sender: Whom it comes from.
        recipient: Whom it goes to.
        message_id: The part of the Message-ID before the at sign. The same for every attempt, so that a
            mail system can recognize what a crash made leave twice.
        calendar: An .ics file to go with it.
        now: Its date.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    made = EmailMessage(policy=_POLICY)
    made["Subject"] = _one_line(content.subject)
    made["From"] = Address(display_name=_one_line(sender.name), addr_spec=sender.address)
    made["To"] = _address(recipient)
    if sender.reply_to:
        made["Reply-To"] = Address(addr_spec=sender.reply_to)
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{message_id}@{sender.address.rpartition('@')[2]}>"
    # RFC 3834: no out-of-office answers to this.
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made.set_content(content.text)
    made.add_alternative(content.html, subtype="html")
    if calendar is not None:
        made.add_attachment(
            calendar.decode(),
            subtype="calendar",
            filename="forum.ics",
            params={"method": "PUBLISH"},
        )
    return made


def _address(recipient: Recipient) -> Address:
    try:
        local, _, domain = recipient.address.rpartition("@")
        # Servers speak ASCII domain names; a Khmer one has an ASCII form.
        plain = f"{local}@{domain.encode('idna').decode('ascii')}"
        return Address(display_name=_one_line(recipient.name), addr_spec=plain)
    except (ValueError, IndexError, MessageError) as error:
        raise UnusableAddressError from error


def _one_line(text: str) -> str:
    """A header is one line; whatever would begin another becomes a space."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
