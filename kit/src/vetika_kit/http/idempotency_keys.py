"""Where the keys of requests and the answers that they got are kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bson.binary import Binary
from flask import Response
from pymongo import WriteConcern
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from vetika_kit.clock import Clock
from vetika_kit.http.problems import Problem

LEASE: Final = timedelta(seconds=60)  # no request lives longer, so an older claim is of a process that died
REPLAYED: Final = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is kept."""

    status: int
    headers: dict[str, str]
    body: bytes

    def response(self) -> Response:
        """Return it as a response that says that it is a repetition."""
        response = Response(self.body, status=self.status)
        for name, value in self.headers.items():
            response.headers[name] = value
        response.headers[REPLAYED] = "true"
        return response


class IdempotencyKeys:
    """The claims and answers of one service, in the collection ``idempotency_keys``.

    MongoDB drops them after 48 hours, see `vetika_kit.http.indexes`.
    """

    def __init__(self, database: "Database[dict[str, Any]]", *, clock: Clock) -> None:
        self._collection: Collection[dict[str, Any]] = database.get_collection(
            "idempotency_keys", write_concern=WriteConcern(w=1, j=False)
        )
        self._clock = clock

    def claim(self, scope: bytes, *, body: bytes) -> Answer | None:
        """Take a key, or return the answer that its first request got.

        Args:
            scope: Digest of caller, method, path and key.
            body: Digest of what was sent.

        Raises:
            Problem: 422 when the key came with another body, 409 while its first request is still running.
        """
        now = self._clock.now()
        claimed = {"_id": Binary(scope), "body": Binary(body), "lease_until": now + LEASE, "at": now}
        try:
            self._collection.insert_one(claimed)
        except DuplicateKeyError:
            return self._met(scope, body=body, now=now)
        return None

    def answer(self, scope: bytes, answer: Answer) -> None:
        """Keep the answer in place of the claim."""
        self._collection.update_one(
            {"_id": scope},
            {
                "$set": {
                    "answer": {
                        "status": answer.status,
                        "headers": answer.headers,
                        "body": Binary(answer.body),
                    }
                },
                "$unset": {"lease_until": ""},
            },
        )

    def release(self, scope: bytes) -> None:
        """Give a claim back: its request came to nothing, and may be tried again at once."""
        self._collection.delete_one({"_id": scope, "answer": None})

    def _met(self, scope: bytes, *, body: bytes, now: datetime) -> Answer | None:
        known = self._collection.find_one({"_id": scope})
        if known is None:  # released or expired between the two looks
            raise _in_progress()
        if bytes(known["body"]) != body:
            raise reused()
        if "answer" in known:
            kept = known["answer"]
            return Answer(kept["status"], kept["headers"], bytes(kept["body"]))
        if known["lease_until"] > now:
            raise _in_progress()
        taken = self._collection.update_one(
            {"_id": scope, "lease_until": known["lease_until"]}, {"$set": {"lease_until": now + LEASE}}
        )
        if not taken.modified_count:
            raise _in_progress()
        return None


def reused() -> Problem:
    """Return the 422 of a key that came with another request."""
    return Problem(
        422, "idempotency-key-reused", "This Idempotency-Key was already sent with another request."
    )


def _in_progress() -> Problem:
    return Problem(
        409,
        "request-in-progress",
        "A request with this Idempotency-Key is still running.",
        headers={"Retry-After": "1"},
    )
