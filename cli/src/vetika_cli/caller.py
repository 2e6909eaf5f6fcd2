"""Somebody who calls the services as partners and portals do: over HTTP, with a token."""

from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class Caller:
    """Somebody with a token, or nobody in particular."""

    def __init__(self, address_of: Callable[[str], str], *, token: str | None = None) -> None:
        """Open a session.

        Args:
            address_of: Tells the base URL of a service, the mailbox or the phone.
            token: Who it is; without one, anybody.
        """
        self._address_of = address_of
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(pool_maxsize=64))
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    @property
    def headers(self) -> dict[str, str]:
        """What shows who it is, for other clients than this one."""
        return {name: str(value) for name, value in self._session.headers.items() if name == "Authorization"}

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def request(self, method: str, service: str, path: str, **arguments: Any) -> requests.Response:
        """Call a service; nothing is raised for its answer."""
        arguments.setdefault("timeout", 60)
        return self._session.request(method, f"{self._address_of(service)}{path}", **arguments)

    def get(self, service: str, path: str, **arguments: Any) -> Any:
        """Get a document; anything but success is an error."""
        answer = self.request("GET", service, path, **arguments)
        answer.raise_for_status()
        return answer.json()

    def post(self, service: str, path: str, json: Any = None, **arguments: Any) -> Any:
        """Post a document; anything but success is an error that shows the problem."""
        answer = self.request("POST", service, path, json=json, **arguments)
        if not answer.ok:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None
