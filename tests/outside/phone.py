"""The phone: the SMS that left."""

from typing import Any

import requests


class Phone:
    """The SMS that left, looked at through the phone's own interface."""

    def __init__(self, url: str) -> None:
        self._url = url

    def messages(self, number: str) -> list[dict[str, Any]]:
        """Read every SMS to a number, in the order in which they came."""
        found = requests.get(f"{self._url}/messages", params={"to": number}, timeout=10)
        return list(found.json()["items"])
