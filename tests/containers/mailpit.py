"""Mailpit: the mails that left a platform in containers."""

from typing import Any

import requests


class Mailpit:
    """Looked at through its own interface (`/api/v1`)."""

    def __init__(self, url: str) -> None:
        self._url = url

    def mails(self, address: str) -> list[dict[str, Any]]:
        """Every mail to an address, the oldest first, with its text and HTML."""
        found = self._get("/api/v1/search", query=f'to:"{address}"', limit=200)["messages"]
        return [self._get(f"/api/v1/message/{one['ID']}") for one in reversed(found)]

    def recipients(self) -> list[str]:
        """Who got a mail, once for each."""
        found: list[str] = []
        while True:
            page = self._get("/api/v1/messages", start=len(found), limit=500)["messages"]
            if not page:
                return found
            found += [person["Address"] for one in page for person in one["To"]]

    def _get(self, path: str, **query: Any) -> Any:
        answer = requests.get(f"{self._url}{path}", params=query, timeout=20)
        answer.raise_for_status()
        return answer.json()
