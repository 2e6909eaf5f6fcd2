"""What notifications is told by its environment."""

from dataclasses import dataclass
from datetime import timedelta
from email.errors import MessageError
from email.headerregistry import Address
from enum import StrEnum
from urllib.parse import urlsplit

from notifications.domain.retry import RetryPolicy
from vetika_kit.config import Mode, ServiceConfig, count, port, positive, setting


class Tls(StrEnum):
    """How the connection to the mail server is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


def _address(text: str) -> str:
    try:
        parsed = Address(addr_spec=text)
    except (ValueError, IndexError, MessageError) as error:
        raise ValueError("must be an e-mail address") from error
    if not parsed.domain or not text.isascii():
        raise ValueError("must be an e-mail address, its domain in ASCII")
    return text


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https address without query")
    return text.rstrip("/")


def _keeps_secrets(url: str) -> bool:
    """Whether what is sent there is hidden on its way; a name without a dot is a neighbour in our network."""
    parts = urlsplit(url)
    return parts.scheme == "https" or "." not in str(parts.hostname)


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of text")
    return text


@dataclass(frozen=True, kw_only=True)
class NotificationsConfig(ServiceConfig):
    """The ways out, and how stubborn the senders are."""

    smtp_host: str = setting("VETIKA_SMTP_HOST", default="127.0.0.1", doc="Mail server that takes our mail.")
    smtp_port: int = setting(
        "VETIKA_SMTP_PORT", default=25, parse=port, doc="Its port: 587 for STARTTLS, 465 for implicit TLS."
    )
    smtp_tls: Tls = setting("VETIKA_SMTP_TLS", default=Tls.NONE, parse=Tls, doc="none, starttls or implicit.")
    smtp_ca_file: str | None = setting(
        "VETIKA_SMTP_CA_FILE",
        default=None,
        doc="PEM file of the authority that signed the mail server's certificate; none: the system's.",
    )
    smtp_username: str | None = setting("VETIKA_SMTP_USERNAME", default=None, doc="User at the mail server.")
    smtp_password: str | None = setting(
        "VETIKA_SMTP_PASSWORD", default=None, secret=True, doc="The user's password."
    )
    smtp_from: str = setting(
        "VETIKA_SMTP_FROM",
        default="forum@vetika.example",
        parse=_address,
        doc="Address that our mail comes from.",
    )
    smtp_from_name: str = setting(
        "VETIKA_SMTP_FROM_NAME", default="Vetika", parse=_line, doc="Name of the sender, which also signs."
    )
    smtp_from_name_km: str | None = setting(
        "VETIKA_SMTP_FROM_NAME_KM", default=None, parse=_line, doc="The same in Khmer; none: as in English."
    )
    smtp_reply_to: str | None = setting(
        "VETIKA_SMTP_REPLY_TO",
        default=None,
        parse=_address,
        doc="Address that answers go to; none: the one that our mail comes from.",
    )
    smtp_timeout: float = setting(
        "VETIKA_SMTP_TIMEOUT",
        default=30.0,
        parse=positive,
        doc="Seconds to wait for each answer of the mail server.",
    )

    sms_url: str | None = setting(
        "VETIKA_SMS_URL",
        default=None,
        parse=_base_url,
        doc="Base of the SMS provider's API, such as https://api.twilio.com; none: no SMS is sent.",
    )
    sms_account: str | None = setting("VETIKA_SMS_ACCOUNT", default=None, doc="Account at the SMS provider.")
    sms_token: str | None = setting(
        "VETIKA_SMS_TOKEN",
        default=None,
        secret=True,
        doc="The account's token; it also signs the provider's status callbacks.",
    )
    sms_from: str | None = setting(
        "VETIKA_SMS_FROM", default=None, parse=_line, doc="Number or name that our SMS come from."
    )
    sms_timeout: float = setting(
        "VETIKA_SMS_TIMEOUT", default=15.0, parse=positive, doc="Seconds to wait for the provider's answer."
    )

    registration_url: str = setting(
        "VETIKA_REGISTRATION_URL",
        default="http://127.0.0.1:8001",
        parse=_base_url,
        doc="Public base of registration; the links with which people see and cancel theirs begin with it.",
    )

    retry_first: float = setting(
        "VETIKA_RETRY_FIRST",
        default=15.0,
        parse=positive,
        doc="Seconds before the second attempt; each further pause is twice as long.",
    )
    retry_longest: float = setting(
        "VETIKA_RETRY_LONGEST", default=3600.0, parse=positive, doc="Seconds of the longest pause."
    )
    retry_attempts: int = setting(
        "VETIKA_RETRY_ATTEMPTS", default=12, parse=count, doc="Attempts before a delivery has failed."
    )

    sender_threads: int = setting(
        "VETIKA_SENDER_THREADS",
        default=4,
        parse=count,
        doc="Messages that one sender process has under way at once, for each channel.",
    )
    sender_lease: float = setting(
        "VETIKA_SENDER_LEASE",
        default=300.0,
        parse=positive,
        doc="Seconds after which what a dead sender held is sent by another; longer than any message takes.",
    )
    email_per_second: float | None = setting(
        "VETIKA_EMAIL_PER_SECOND",
        default=None,
        parse=positive,
        doc="E-mails that one sender process may send in a second; none: no limit.",
    )
    sms_per_second: float | None = setting(
        "VETIKA_SMS_PER_SECOND",
        default=None,
        parse=positive,
        doc="SMS that one sender process may send in a second; none: no limit.",
    )

    def __post_init__(self) -> None:
        """Hold the rules between settings.

        Raises:
            ValueError: One is broken; the message says which.
        """
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("VETIKA_SMTP_USERNAME and VETIKA_SMTP_PASSWORD go together")
        if self.smtp_username and self.smtp_tls is Tls.NONE and self.mode is Mode.HOSTED:
            raise ValueError(
                "VETIKA_SMTP_USERNAME needs VETIKA_SMTP_TLS=starttls or implicit: "
                "a password is not sent in the clear"
            )
        if self.sms_url and not (self.sms_account and self.sms_token and self.sms_from):
            raise ValueError("VETIKA_SMS_URL needs VETIKA_SMS_ACCOUNT, VETIKA_SMS_TOKEN and VETIKA_SMS_FROM")
        if self.sms_url and self.mode is Mode.HOSTED and not _keeps_secrets(self.sms_url):
            raise ValueError("VETIKA_SMS_URL must begin with https: the token is sent there")
        if self.sender_lease <= 4 * max(self.smtp_timeout, self.sms_timeout):
            raise ValueError(
                "VETIKA_SENDER_LEASE must be more than four times VETIKA_SMTP_TIMEOUT and VETIKA_SMS_TIMEOUT"
            )

    @property
    def retry(self) -> RetryPolicy:
        """When a delivery is tried again."""
        return RetryPolicy(
            first_delay=timedelta(seconds=self.retry_first),
            longest_delay=timedelta(seconds=self.retry_longest),
            attempts=self.retry_attempts,
        )
