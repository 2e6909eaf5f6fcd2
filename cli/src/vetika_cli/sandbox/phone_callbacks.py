"""Telling the sender how a message fares: signed calls to its StatusCallback, as Twilio makes them."""

import base64
import hashlib
import hmac
import queue
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import requests

from vetika_cli.sandbox.phone_store import FINAL, Message, PhoneStore

UNDELIVERED: Final = {"+85512000030": 30003}  # "Unreachable destination handset"
THREADS: Final = 2
TRIES: Final = 5
PAUSE: Final = 0.5  # seconds before the first further try, then twice as long each
TIMEOUT: Final = 10  # seconds


class Callbacks:
    """Moves each message on (queued → sent → delivered or undelivered) and reports every move."""

    def __init__(self, store: PhoneStore, *, account_id: str, secret: str, via: str | None = None) -> None:
        """Prepare; nothing is told before `start`.

        Args:
            store: The messages.
            account_id: Whose messages they are.
            secret: What signs the calls.
            via: Scheme and host to call instead of those of the callback's address, where that leads
                elsewhere from here; the signature is over the address as it was given.
        """
        self._store = store
        self._account_id = account_id
        self._secret = secret
        self._via = None if via is None else urlsplit(via)
        self._queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"callbacks-{number}", daemon=True)
            for number in range(THREADS)
        ]

    def start(self) -> None:
        """Begin, first with what a former run left unreported."""
        for message in self._store.messages():
            if message.status not in FINAL:
                self._queue.put(message)
        for thread in self._threads:
            thread.start()

    def report(self, message: Message) -> None:
        """Take over a message that was accepted."""
        self._queue.put(message)

    def close(self) -> None:
        """Stop; what is not reported is reported by the next run."""
        self._stop.set()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout=TIMEOUT)

    def _work(self) -> None:
        with requests.Session() as session:
            while (message := self._queue.get()) is not None and not self._stop.is_set():
                code = UNDELIVERED.get(message.to)
                last = replace(message, status="undelivered" if code else "delivered", error_code=code)
                if message.status == "queued":
                    self._move(session, replace(message, status="sent"))
                self._move(session, last)

    def _move(self, session: requests.Session, message: Message) -> None:
        # Told first: a report that a crash cut short is made again by the next run.
        self._tell(session, message)
        if not self._stop.is_set():
            self._store.move(message.number, status=message.status, error_code=message.error_code)

    def _tell(self, session: requests.Session, message: Message) -> None:
        if not message.callback:
            return
        parameters = {
            "AccountSid": self._account_id,
            "ApiVersion": "2010-04-01",
            "From": message.sender,
            "MessageSid": message.sid,
            "MessageStatus": message.status,
            "SmsSid": message.sid,
            "SmsStatus": message.status,
            "To": message.to,
        }
        if message.error_code:
            parameters["ErrorCode"] = str(message.error_code)
        headers = {"X-Twilio-Signature": signature(message.callback, parameters, secret=self._secret)}
        address = self._reachable(message.callback)
        pause = PAUSE
        for _ in range(TRIES):
            try:
                answer = session.post(address, data=parameters, headers=headers, timeout=TIMEOUT)
                if answer.status_code < 500:  # noqa: PLR2004 - a server's own failure, worth another try
                    return
            except requests.RequestException:
                pass
            if self._stop.wait(pause):
                return
            pause *= 2

    def _reachable(self, callback: str) -> str:
        if self._via is None:
            return callback
        return urlsplit(callback)._replace(scheme=self._via.scheme, netloc=self._via.netloc).geturl()


def signature(url: str, parameters: Mapping[str, str], *, secret: str) -> str:
    """Twilio's: HMAC-SHA1 over the URL and the form's names and values, sorted by name, in base64."""
    signed = url + "".join(f"{name}{parameters[name]}" for name in sorted(parameters))
    return base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()).decode()
