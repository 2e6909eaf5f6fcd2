"""The SMS that were taken, each a JSON file, and how each fares."""

import json
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from vetika_cli.sandbox.files import NumberedFiles

FINAL: Final = ("delivered", "undelivered")

GSM_7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_EXTENSION: Final = frozenset("\f^{}\\[~]|€")  # these take two


@dataclass(frozen=True, kw_only=True)
class Message:
    """One SMS."""

    number: int
    sid: str
    sender: str
    to: str
    body: str
    segments: int
    received_at: str  # RFC 3339
    status: str  # queued → sent → delivered | undelivered
    error_code: int | None = None
    callback: str | None = None  # the URL that is told of every change


class PhoneStore:
    """All messages, in memory and on disk; safe for threads."""

    def __init__(self, directory: Path) -> None:
        self._files = NumberedFiles(directory, suffix=".json")
        self._lock = threading.Lock()
        self._messages = {number: Message(**json.loads(path.read_bytes())) for number, path in self._files}
        self._by_sid = {message.sid: message.number for message in self._messages.values()}

    def add(
        self, *, sid: str, sender: str, to: str, body: str, received_at: str, callback: str | None
    ) -> Message:
        """Keep a new message for good; it is queued. OSError when the disk does not take it."""

        def made(number: int) -> Message:
            return Message(
                number=number,
                sid=sid,
                sender=sender,
                to=to,
                body=body,
                segments=segments(body),
                received_at=received_at,
                status="queued",
                callback=callback,
            )

        message = made(self._files.add(lambda number: _bytes(made(number))))
        with self._lock:
            self._messages[message.number] = message
            self._by_sid[sid] = message.number
        return message

    def move(self, number: int, *, status: str, error_code: int | None = None) -> Message:
        """Record how a message fares."""
        with self._lock:
            message = replace(self._messages[number], status=status, error_code=error_code)
            self._files.replace(number, _bytes(message))
            self._messages[number] = message
        return message

    def messages(self, *, to: str | None = None) -> list[Message]:
        """All in the order in which they came; only those to a number, if one is given."""
        found = [self._messages[number] for number in sorted(self._messages)]
        return found if to is None else [message for message in found if message.to == to]

    def get(self, number: int) -> Message | None:
        """One message."""
        return self._messages.get(number)

    def by_sid(self, sid: str) -> Message | None:
        """One message by the id that the sender was given."""
        number = self._by_sid.get(sid)
        return None if number is None else self._messages[number]


def _bytes(message: Message) -> bytes:
    return json.dumps(asdict(message), ensure_ascii=False).encode()


def segments(body: str) -> int:
    """How many SMS a text needs: 160 or 153 GSM-7 characters a part, 70 or 67 where one is beyond (UCS-2)."""
    if set(body) <= GSM_7 | GSM_7_EXTENSION:
        length, single, joined = len(body) + sum(one in GSM_7_EXTENSION for one in body), 160, 153
    else:
        length, single, joined = len(body.encode("utf-16-be")) // 2, 70, 67
    return 1 if length <= single else -(-length // joined)
