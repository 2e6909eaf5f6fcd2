"""A mail server that keeps every message and can be looked at."""

from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller

from vetika_cli.ports import LOOPBACK
from vetika_cli.sandbox.mail_acceptance import Acceptance
from vetika_cli.sandbox.mail_store import MailStore
from vetika_cli.sandbox.mail_view import mail_view
from vetika_cli.sandbox.web import WebServer

LARGEST = 10 * 1024 * 1024  # bytes of a message, as many servers have it


class Mailbox:
    """SMTP on one port, pages and JSON on another; messages in `directory` outlive a restart."""

    def __init__(self, *, directory: Path, smtp_port: int, http_port: int) -> None:
        self.store = MailStore(directory)
        self.smtp_port = smtp_port
        self._smtp = Controller(
            Acceptance(self.store),
            hostname=LOOPBACK,
            port=smtp_port,
            ident="Vetika's mailbox",
            enable_SMTPUTF8=True,
            data_size_limit=LARGEST,
            ready_timeout=20,
        )
        self._web = WebServer(mail_view(self.store), port=http_port)

    @property
    def url(self) -> str:
        """Where it can be looked at."""
        return f"http://{LOOPBACK}:{self._web.port}"

    def __enter__(self) -> Self:
        self._smtp.start()
        self._web.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._smtp.stop()
        self._web.close()
