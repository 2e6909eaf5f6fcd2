"""The mail server (RFC 5321): connections that are kept, and what its answers mean."""

import smtplib
import socket
import ssl
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTPUTF8
from enum import StrEnum
from typing import Final

from notifications.config import Tls
from notifications.domain.delivery import Accepted, Refused

# Seconds after which a connection that was not used is asked whether it still stands; most servers hang up
# after one to five minutes.
STALE_AFTER: Final = 20.0

_OK: Final = 250
_SERVICE_CLOSING: Final = 421  # the server hangs up: this message may go over another connection
_PERMANENT_FROM: Final = 500


class _Stage(StrEnum):
    """How far a message came."""

    CONNECT = "connect"
    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"


# Whether a 5xx ends the delivery. Before the recipient is named it is about us (our login, our address, our
# network), nothing the person can be blamed for and something an operator can mend: it is tried again.
_FIVE_HUNDREDS_END: Final = {
    _Stage.CONNECT: False,
    _Stage.SENDER: False,
    _Stage.RECIPIENT: True,
    _Stage.CONTENT: True,
}


class _RefusedError(Exception):
    """The server said no."""

    def __init__(self, stage: _Stage, code: int) -> None:
        super().__init__(f"{code} at {stage}")
        self.stage = stage
        self.code = code


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """How the mail server is reached."""

    host: str
    port: int
    tls: Tls = Tls.NONE
    ca_file: str | None = None
    username: str | None = None
    password: str | None = None
    timeout: float = 30.0  # seconds for each answer


@dataclass(kw_only=True)
class _Kept:
    connection: smtplib.SMTP
    used_at: float


class SmtpGateway:
    """Sends mail; may be shared by threads, each message has a connection to itself."""

    def __init__(self, server: SmtpServer, *, stale_after: float = STALE_AFTER) -> None:
        self._server = server
        self._stale_after = stale_after
        self._idle: deque[_Kept] = deque()
        self._lock = threading.Lock()
        self._context = (
            ssl.create_default_context(cafile=server.ca_file) if server.tls is not Tls.NONE else None
        )

    def send(self, message: EmailMessage) -> Accepted | Refused:
        """Hand a message to the server.

        A kept connection may turn out to be closed. Nothing was sent over it then, so the message goes
        over a new one at once. After the content left, a lost answer leaves open whether it was taken,
        and the message is tried again later: it may come twice, with the same Message-ID.
        """
        kept = self._take_idle()
        if kept is not None:
            try:
                return self._send_over(kept, message)
            except (smtplib.SMTPException, OSError):
                self._drop(kept)
        try:
            fresh = _Kept(connection=self._connect(), used_at=time.monotonic())
        except _RefusedError as error:
            return _refused(error)
        except (smtplib.SMTPException, OSError) as error:
            return Refused(code=_word_for(error), permanent=False)
        try:
            return self._send_over(fresh, message)
        except (smtplib.SMTPException, OSError) as error:
            self._drop(fresh)
            return Refused(code=_word_for(error), permanent=False)

    def close(self) -> None:
        """Say goodbye on every kept connection."""
        while True:
            with self._lock:
                if not self._idle:
                    return
                kept = self._idle.pop()
            with suppress(smtplib.SMTPException, OSError):
                kept.connection.quit()

    def _send_over(self, kept: _Kept, message: EmailMessage) -> Accepted | Refused:
        """Send over one connection, and keep it if it is still good.

        Raises:
            SMTPException, OSError: The connection broke before the content left.
        """
        connection = kept.connection
        try:
            self._envelope(connection, message)
        except _RefusedError as error:
            self._keep_after(kept, code=error.code)
            return _refused(error)
        try:
            code, _ = connection.data(_bytes(message, utf8=_needs_utf8(message)))
        except smtplib.SMTPDataError as error:
            code = int(error.smtp_code)
        except (smtplib.SMTPException, OSError) as error:
            self._drop(kept)
            return Refused(code=_word_for(error), permanent=False)
        self._keep_after(kept, code=code)
        if code == _OK:
            return Accepted()
        return _refused(_RefusedError(_Stage.CONTENT, code))

    def _envelope(self, connection: smtplib.SMTP, message: EmailMessage) -> None:
        sender = message["From"].addresses[0].addr_spec
        recipient = message["To"].addresses[0].addr_spec
        options = []
        if _needs_utf8(message):
            if not connection.has_extn("smtputf8"):
                # 553 5.6.7 is what a server answers that does not know such addresses (RFC 6531, 3.2).
                raise _RefusedError(_Stage.RECIPIENT, 553)
            options = ["SMTPUTF8", "BODY=8BITMIME"]
            connection.command_encoding = "utf-8"
        else:
            connection.command_encoding = "ascii"
        _expect(connection.mail(sender, options), _Stage.SENDER)
        _expect(connection.rcpt(recipient), _Stage.RECIPIENT)

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        # Without a name of its own, smtplib asks the DNS for one at every connection.
        name = socket.gethostname() or "localhost"
        if server.tls is Tls.IMPLICIT:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, local_hostname=name, timeout=server.timeout, context=self._context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=server.timeout)
        try:
            connection.ehlo_or_helo_if_needed()
            if server.tls is Tls.STARTTLS:
                # Raises where the server does not offer it: never a password, never a name in the clear.
                connection.starttls(context=self._context)
                connection.ehlo()
            if server.username is not None and server.password is not None:
                connection.login(server.username, server.password)
        except smtplib.SMTPResponseException as error:
            connection.close()
            raise _RefusedError(_Stage.CONNECT, int(error.smtp_code)) from error
        except (smtplib.SMTPException, OSError):
            connection.close()
            raise
        return connection

    def _take_idle(self) -> _Kept | None:
        """Return the connection used last, if there is one that still stands."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                kept = self._idle.pop()
            if time.monotonic() - kept.used_at < self._stale_after:
                return kept
            try:
                if kept.connection.noop()[0] == _OK:
                    return kept
            except (smtplib.SMTPException, OSError):
                pass
            self._drop(kept)

    def _keep_after(self, kept: _Kept, *, code: int) -> None:
        try:
            if code == _SERVICE_CLOSING:
                self._drop(kept)
                return
            if code != _OK:
                kept.connection.rset()
        except (smtplib.SMTPException, OSError):
            self._drop(kept)
            return
        kept.used_at = time.monotonic()
        with self._lock:
            self._idle.append(kept)

    def _drop(self, kept: _Kept) -> None:
        kept.connection.close()


def _expect(answer: tuple[int, bytes], stage: _Stage) -> None:
    code = answer[0]
    if code == -1:
        raise smtplib.SMTPServerDisconnected("the connection broke")
    if code not in (_OK, 251):
        raise _RefusedError(stage, code)


def _refused(error: _RefusedError) -> Refused:
    permanent = error.code >= _PERMANENT_FROM and _FIVE_HUNDREDS_END[error.stage]
    return Refused(code=f"smtp_{error.code}", permanent=permanent)


def _word_for(error: Exception) -> str:
    """A word for a connection that failed: an exception's own text may hold an address."""
    match error:
        case ssl.SSLCertVerificationError():
            return "smtp_certificate"
        case TimeoutError() | smtplib.SMTPServerDisconnected(__context__=TimeoutError()):
            return "smtp_timeout"
        case smtplib.SMTPServerDisconnected():
            return "smtp_disconnected"
        case smtplib.SMTPNotSupportedError():
            return "smtp_not_offered"
        case smtplib.SMTPResponseException():
            return f"smtp_{error.smtp_code}"
        case _:
            return "smtp_unreachable"


def _needs_utf8(message: EmailMessage) -> bool:
    return not message["To"].addresses[0].addr_spec.isascii()


def _bytes(message: EmailMessage, *, utf8: bool) -> bytes:
    return message.as_bytes(policy=SMTPUTF8 if utf8 else None)
