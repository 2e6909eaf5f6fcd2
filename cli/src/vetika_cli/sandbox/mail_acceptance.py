"""Which messages the mail server takes.

So that failures can be seen, two kinds of address are refused:

- a local part that begins with `bounce` does not exist (550, for good);
- one that begins with `later` is busy (451) the first two times that it is addressed, then accepts.
"""

from collections import Counter
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from vetika_cli.sandbox.mail_store import MailStore

BUSY_TIMES: Final = 2


class Acceptance:
    """aiosmtpd's handler: its method names are the SMTP commands."""

    def __init__(self, store: MailStore) -> None:
        self._store = store
        self._asked: Counter[str] = Counter()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient or refuse it."""
        local_part = address.partition("@")[0].lower()
        if local_part.startswith("bounce"):
            return "550 5.1.1 No such mailbox here"
        if local_part.startswith("later"):
            self._asked[address] += 1
            if self._asked[address] <= BUSY_TIMES:
                return "451 4.2.1 Mailbox is busy, try again later"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Keep a message before saying so."""
        content = envelope.original_content or b""
        try:
            number = self._store.add(content, sender=envelope.mail_from or "", recipients=envelope.rcpt_tos)
        except OSError:
            return "452 4.3.1 Insufficient system storage"
        return f"250 2.0.0 OK, kept as {number}"
