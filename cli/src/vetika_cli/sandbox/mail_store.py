"""Messages as .eml files: as they came, below a few header lines about the envelope."""

import email
import email.policy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from vetika_cli.sandbox.files import NumberedFiles

SENDER: Final = "Return-Path"
RECIPIENT: Final = "Delivered-To"  # one line for each
RECEIVED: Final = "X-Received-At"  # RFC 3339 with milliseconds, when it was taken


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A message in a list."""

    number: int
    sender: str  # of the header, what a reader sees
    recipients: Sequence[str]  # of the envelope, where it went
    subject: str
    received_at: str
    size: int  # bytes


@dataclass(frozen=True, kw_only=True)
class Part:
    """One readable or attached part of a message, decoded."""

    content_type: str
    filename: str | None
    content: bytes  # text in UTF-8

    @property
    def text(self) -> str | None:
        """The content of a text part; None for others."""
        readable = self.content_type.startswith("text/") or self.content_type.startswith("message/")
        return self.content.decode(errors="replace") if readable else None


class MailStore:
    """All messages; the summaries are held in memory, the messages are read when asked for."""

    def __init__(self, directory: Path) -> None:
        self._files = NumberedFiles(directory, suffix=".eml")
        self._summaries = {number: _summary(number, path.read_bytes()) for number, path in self._files}

    def add(self, content: bytes, *, sender: str, recipients: Sequence[str]) -> int:
        """Keep a message; return its number. OSError when the disk does not take it."""
        now = datetime.now(UTC)
        envelope = [
            f"{SENDER}: <{sender}>",
            *(f"{RECIPIENT}: {recipient}" for recipient in recipients),
            f"{RECEIVED}: {now.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}",
            f"Received: by vetika-mailbox with ESMTP; {format_datetime(now)}",
        ]
        kept = "\r\n".join([*envelope, ""]).encode() + content
        number = self._files.add(lambda _: kept)
        self._summaries[number] = _summary(number, kept)
        return number

    def summaries(self, *, to: str | None = None) -> list[Summary]:
        """The messages in the order in which they came; only those to an address, if one is given."""
        found = [self._summaries[number] for number in sorted(self._summaries)]
        if to is None:
            return found
        return [one for one in found if to.lower() in (recipient.lower() for recipient in one.recipients)]

    def summary(self, number: int) -> Summary | None:
        """One of the list."""
        return self._summaries.get(number)

    def raw(self, number: int) -> bytes:
        """The whole message with the envelope's lines; KeyError when there is none."""
        if number not in self._summaries:
            raise KeyError(number)
        return self._files.path(number).read_bytes()

    def parts(self, number: int) -> list[Part]:
        """What a reader would see, decoded; KeyError when there is no such message."""
        return [_part(part) for part in _parsed(self.raw(number)).walk() if not part.is_multipart()]


def _parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def _part(part: EmailMessage) -> Part:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    if part.get_content_maintype() == "text":
        charset = part.get_content_charset("utf-8")
        try:
            content = content.decode(charset, errors="replace").encode()
        except LookupError:  # a charset that nobody knows
            content = content.decode(errors="replace").encode()
    return Part(content_type=part.get_content_type(), filename=part.get_filename(), content=content)


def _summary(number: int, content: bytes) -> Summary:
    message = _parsed(content)
    return Summary(
        number=number,
        sender=str(message["From"] or ""),
        recipients=[str(value) for value in message.get_all(RECIPIENT, [])],
        subject=str(message["Subject"] or ""),
        received_at=str(message[RECEIVED] or ""),
        size=len(content),
    )
