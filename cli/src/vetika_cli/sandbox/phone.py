"""A telephone company: takes SMS as Twilio's API does, keeps them, and reports their delivery."""

import hmac
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vetika_cli.ports import LOOPBACK
from vetika_cli.sandbox.phone_api import phone_api
from vetika_cli.sandbox.phone_callbacks import Callbacks
from vetika_cli.sandbox.phone_store import PhoneStore
from vetika_cli.sandbox.web import WebServer


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who may send."""

    id: str
    secret: str

    def admits(self, *, user: str, password: str) -> bool:
        """Whether these are the account's."""
        return hmac.compare_digest(user.encode(), self.id.encode()) and hmac.compare_digest(
            password.encode(), self.secret.encode()
        )


class Phone:
    """HTTP on one port; messages in `directory` outlive a restart, and so do reports not yet delivered."""

    def __init__(
        self,
        *,
        directory: Path,
        http_port: int,
        account: Account,
        host: str = LOOPBACK,
        callbacks_via: str | None = None,
    ) -> None:
        self.store = PhoneStore(directory)
        self._callbacks = Callbacks(
            self.store, account_id=account.id, secret=account.secret, via=callbacks_via
        )
        app = phone_api(
            self.store, account_id=account.id, admits=account.admits, accepted=self._callbacks.report
        )
        self._web = WebServer(app, port=http_port, host=host)

    @property
    def url(self) -> str:
        """Where it takes messages and can be looked at."""
        return f"http://{LOOPBACK}:{self._web.port}"

    def __enter__(self) -> Self:
        self._callbacks.start()
        self._web.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._web.close()
        self._callbacks.close()
