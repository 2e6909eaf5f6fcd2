"""The SMS provider: the Twilio-compatible Messages call, and what its answers and reports mean.

https://www.twilio.com/docs/messaging/api/message-resource
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter

from notifications.domain.delivery import Accepted, Refused, Reported

# Codes of the provider (https://www.twilio.com/docs/api/errors) that say that this number, or this text, will
# never be taken. Every other code of a 4xx that is about us (login, balance, our own number) is tried again.
PERMANENT: Final = frozenset(
    {
        21211,  # the number is none
        21214,  # the number cannot be reached
        21217,  # the number is not well-formed
        21407,  # SMS are not possible to this number
        21408,  # SMS to this region are switched off
        21421,  # the number is none
        21602,  # there is no text
        21604,  # there is no number
        21610,  # the person told the provider to stop
        21612,  # no way from our number to this one
        21614,  # no mobile number
        21617,  # the text is too long
        21635,  # a landline
        30004,  # the person blocks us
        30005,  # nobody has this number
        30006,  # a landline, or a carrier that cannot be reached
        30007,  # filtered as unwanted
    }
)

# The provider's own words for where a message is, as our states know them.
REPORTS: Final[Mapping[str, Reported]] = {
    "accepted": Reported.UNDER_WAY,
    "scheduled": Reported.UNDER_WAY,
    "queued": Reported.UNDER_WAY,
    "sending": Reported.UNDER_WAY,
    "sent": Reported.SENT,
    "delivered": Reported.DELIVERED,
    "read": Reported.DELIVERED,
    "undelivered": Reported.FAILED,
    "failed": Reported.FAILED,
    "canceled": Reported.FAILED,
}

_CREATED: Final = 201
_OK: Final = 200
_BAD_REQUEST: Final = 400
_LONGEST_PAUSE: Final = 3600  # seconds; who asks for more is asked again before


@dataclass(frozen=True, kw_only=True)
class SmsProvider:
    """How the provider is reached."""

    url: str  # base, without a slash at the end
    account: str
    token: str
    sender: str  # the number or name that SMS come from
    timeout: float = 15.0  # seconds


@dataclass(frozen=True, kw_only=True)
class OutgoingSms:
    """One SMS."""

    to: str  # E.164
    text: str
    callback: str  # where the provider reports to
    key: str  # the same for every attempt of one message


class SmsGateway:
    """Sends SMS; may be shared by threads."""

    def __init__(self, provider: SmsProvider, *, connections: int = 4) -> None:
        self._provider = provider
        self._messages = (
            f"{provider.url}/2010-04-01/Accounts/{quote(provider.account, safe='')}/Messages.json"
        )
        self._session = requests.Session()
        self._session.auth = (provider.account, provider.token)
        self._session.headers["Accept"] = "application/json"
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def send(self, sms: OutgoingSms) -> Accepted | Refused:
        """Hand an SMS to the provider.

        The key lets a provider that knows `Idempotency-Key` drop what a crash made leave twice; one that
        does not ignores it.
        """
        try:
            answer = self._session.post(
                self._messages,
                data={
                    "To": sms.to,
                    "From": self._provider.sender,
                    "Body": sms.text,
                    "StatusCallback": sms.callback,
                },
                headers={"Idempotency-Key": sms.key},
                timeout=self._provider.timeout,
                allow_redirects=False,
            )
        except requests.Timeout:
            return Refused(code="sms_timeout", permanent=False)
        except requests.RequestException:
            return Refused(code="sms_unreachable", permanent=False)
        if answer.status_code in (_OK, _CREATED):
            return Accepted(provider_id=_text(_body(answer).get("sid")))
        return _refusal(answer)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def signature(*, token: str, url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """The signature of a status callback: HMAC-SHA1 over the address and the sorted parameters, in base64.

    https://www.twilio.com/docs/usage/security#validating-requests
    """
    signed = url + "".join(f"{name}{value}" for name, value in sorted(set(parameters)))
    digest = hmac.new(token.encode(), signed.encode("utf-8", "surrogatepass"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def is_signed(given: str, *, token: str, url: str, parameters: Iterable[tuple[str, str]]) -> bool:
    """Tell whether a callback comes from who knows the token; takes the same time for every wrong one."""
    expected = signature(token=token, url=url, parameters=parameters)
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


def code_of(error_code: str | None) -> str | None:
    """The provider's error code as one of ours; only digits, so that nothing else can be smuggled in."""
    if error_code is None or not (error_code.isascii() and error_code.isdigit()) or int(error_code) == 0:
        return None
    return f"sms_{error_code[:6]}"


def _refusal(answer: requests.Response) -> Refused:
    code = _body(answer).get("code")
    known = code if isinstance(code, int) and not isinstance(code, bool) else None
    # A 400 without a code that we know of is about this one message; all else may pass.
    permanent = known in PERMANENT or (known is None and answer.status_code == _BAD_REQUEST)
    return Refused(
        code=f"sms_{known or answer.status_code}",
        permanent=permanent,
        not_before=_pause(answer.headers.get("Retry-After")),
    )


def _body(answer: requests.Response) -> Mapping[str, object]:
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _text(value: object) -> str | None:
    return value[:64] if isinstance(value, str) else None


def _pause(retry_after: str | None) -> timedelta | None:
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()):
        return None
    return timedelta(seconds=min(int(retry_after[:9]), _LONGEST_PAUSE))
