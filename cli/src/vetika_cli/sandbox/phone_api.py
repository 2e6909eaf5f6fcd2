"""Taking an SMS as Twilio's Messages call does.

So that failures can be seen, some numbers behave:

| number | |
| --- | --- |
| +855 12 000 021 | refused at once: not a valid number (400, 21211) |
| +855 12 000 010 | refused at once: the person unsubscribed (400, 21610) |
| +855 12 000 029 | too many requests the first two times (429, 20429), then accepted |
| +855 12 000 050 | the company is down the first two times (503, 20503), then accepted |
| +855 12 000 030 | accepted, later reported as undelivered (30003) |
"""

import re
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final, Protocol

from flask import Blueprint, Flask, Response, jsonify, request

from vetika_cli.sandbox.phone_store import Message, PhoneStore
from vetika_cli.sandbox.phone_view import phone_view

LONGEST: Final = 1600  # characters, Twilio's limit
E164: Final = re.compile(r"\+[1-9]\d{6,14}")
TRIES: Final = 2  # how often a number that fails for now does


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer in the form of Twilio's errors."""

    status: int
    code: int
    message: str
    retry_after: int | None = None  # seconds

    def response(self) -> Response:
        """The HTTP answer."""
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        response = jsonify(
            {"code": self.code, "message": self.message, "more_info": more, "status": self.status}
        )
        response.status_code = self.status
        if self.retry_after is not None:
            response.headers["Retry-After"] = str(self.retry_after)
        return response


FOR_GOOD: Final = {
    "+85512000021": Refusal(status=400, code=21211, message="Invalid 'To' Phone Number: +85512000XXX"),
    "+85512000010": Refusal(status=400, code=21610, message="Attempt to send to unsubscribed recipient"),
}
FOR_NOW: Final = {
    "+85512000029": Refusal(status=429, code=20429, message="Too Many Requests", retry_after=1),
    "+85512000050": Refusal(status=503, code=20503, message="Service unavailable", retry_after=1),
}


class Admits(Protocol):
    """Whether a user and password are the account's."""

    def __call__(self, *, user: str, password: str) -> bool:
        """Ask."""


def phone_api(
    store: PhoneStore, *, account_id: str, admits: Admits, accepted: Callable[[Message], None]
) -> Flask:
    """The application; `accepted` is called with every message that was taken."""
    app = Flask("vetika_cli.sandbox")
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # of the default provider
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    failures = _Failures()
    routes = Blueprint("phone", __name__)

    def refusal_of_caller(account: str) -> Refusal | None:
        given = request.authorization
        user, password = (given.username or "", given.password or "") if given else ("", "")
        if account != account_id or not admits(user=user, password=password):
            return Refusal(status=401, code=20003, message="Authenticate")
        return None

    @routes.post("/2010-04-01/Accounts/<account>/Messages.json")
    def send(account: str) -> Response:
        if (
            refused := refusal_of_caller(account)
            or _refusal_of(request.form)
            or failures.of(request.form["To"])
        ):
            return refused.response()
        message = store.add(
            sid=f"SM{secrets.token_hex(16)}",
            sender=request.form.get("From") or request.form["MessagingServiceSid"],
            to=request.form["To"],
            body=request.form["Body"],
            received_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            callback=request.form.get("StatusCallback"),
        )
        response = jsonify(_as_twilio(message, account=account))
        response.status_code = 201
        accepted(message)
        return response

    @routes.get("/2010-04-01/Accounts/<account>/Messages/<sid>.json")
    def fetch(account: str, sid: str) -> Response:
        if refused := refusal_of_caller(account):
            return refused.response()
        message = store.by_sid(sid)
        if message is None:
            return Refusal(status=404, code=20404, message="The requested resource was not found").response()
        return jsonify(_as_twilio(message, account=account))

    app.register_blueprint(routes)
    app.register_blueprint(phone_view(store))
    return app


def _refusal_of(form: Any) -> Refusal | None:
    """What is wrong with a message, in the words and codes of Twilio."""
    to = form.get("To", "")
    if not to:
        return Refusal(status=400, code=21604, message="A 'To' phone number is required.")
    if not form.get("From") and not form.get("MessagingServiceSid"):
        return Refusal(status=400, code=21603, message="A 'From' phone number is required.")
    if not form.get("Body"):
        return Refusal(status=400, code=21602, message="Message body is required.")
    if len(form["Body"]) > LONGEST:
        return Refusal(
            status=400, code=21617, message="The concatenated message body exceeds 1600 characters"
        )
    if not E164.fullmatch(to):
        return Refusal(status=400, code=21211, message=f"Invalid 'To' Phone Number: {to[:4]}XXX")
    return FOR_GOOD.get(to)


class _Failures:
    """The numbers that fail for now, and how often each did."""

    def __init__(self) -> None:
        self._tried: Counter[str] = Counter()
        self._lock = threading.Lock()

    def of(self, to: str) -> Refusal | None:
        if to not in FOR_NOW:
            return None
        with self._lock:
            self._tried[to] += 1
            return FOR_NOW[to] if self._tried[to] <= TRIES else None


def _as_twilio(message: Message, *, account: str) -> dict[str, Any]:
    created = format_datetime(datetime.fromisoformat(message.received_at))
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": created,
        "date_sent": None if message.status == "queued" else created,
        "date_updated": created,
        "direction": "outbound-api",
        "error_code": message.error_code,
        "error_message": None,
        "from": message.sender if message.sender.startswith("+") else None,
        "messaging_service_sid": message.sender if message.sender.startswith("MG") else None,
        "num_media": "0",
        "num_segments": str(message.segments),
        "price": None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"/2010-04-01/Accounts/{account}/Messages/{message.sid}/Media.json"},
        "to": message.to,
        "uri": f"/2010-04-01/Accounts/{account}/Messages/{message.sid}.json",
    }
