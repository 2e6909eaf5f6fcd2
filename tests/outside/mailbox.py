"""The mailbox: the e-mails that left."""

from dataclasses import dataclass
from typing import Any

import requests


@dataclass(frozen=True, kw_only=True)
class Mail:
    """An e-mail as its reader has it."""

    subject: str
    text: str
    html: str
    attachments: dict[str, str]
    message_id: str


class Mailbox:
    """The mails that left, looked at through the mailbox's own interface."""

    def __init__(self, url: str) -> None:
        self._url = url

    def count(self, address: str | None = None) -> int:
        """Count the mails to an address, or all."""
        return len(self._items(address))

    def mails(self, address: str) -> list[Mail]:
        """Read every mail to an address, in the order in which they came."""
        return [self._read(item["number"]) for item in self._items(address)]

    def _items(self, address: str | None) -> list[dict[str, Any]]:
        wanted = {} if address is None else {"to": address}
        found = requests.get(f"{self._url}/messages", params=wanted, timeout=10)
        return list(found.json()["items"])

    def _read(self, number: int) -> Mail:
        shown = requests.get(f"{self._url}/messages/{number}", timeout=10).json()
        raw = requests.get(f"{self._url}/messages/{number}.eml", timeout=10).text
        texts = {part["content_type"]: part["text"] for part in shown["parts"] if not part["filename"]}
        (message_id,) = [
            line.partition(":")[2].strip()
            for line in raw.splitlines()
            if line.lower().startswith("message-id:")
        ]
        return Mail(
            subject=shown["subject"],
            text=texts.get("text/plain", ""),
            html=texts.get("text/html", ""),
            attachments={part["filename"]: part["text"] for part in shown["parts"] if part["filename"]},
            message_id=message_id,
        )
