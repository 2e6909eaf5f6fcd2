"""Dead letters as operators see them, and the moves between their states."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.database import Database

from vetika_kit.clock import Clock
from vetika_kit.http.problems import Problem, conflict, not_found
from vetika_kit.logs import redacted
from vetika_kit.topics import Stream

_SHOWN: Final = 64 * 1024  # characters of a value


class DeadLetterDesk:
    """Shows dead letters and takes decisions on them; the workers carry a replay out.

    ``dead`` → ``replay_requested`` → ``replayed``, or ``dead`` again; ``dead`` → ``discarded``.
    """

    def __init__(self, database: "Database[dict[str, Any]]", *, clock: Clock) -> None:
        self.collection: Collection[dict[str, Any]] = database["dead_letters"]
        self._clock = clock

    def get(self, id_: str) -> dict[str, Any]:
        """Return a letter.

        Raises:
            Problem: 404.
        """
        found = self.collection.find_one({"_id": _stored_id(id_)})
        if found is None:
            raise not_found("dead letter", id_)
        return found

    def request_replay(self, id_: str, *, by: str) -> dict[str, Any]:
        """Ask the workers to handle it once more."""
        return self._move(id_, to="replay_requested", by=by)

    def discard(self, id_: str, *, by: str) -> dict[str, Any]:
        """Decide that it shall never take effect; it stays to be looked at."""
        return self._move(id_, to="discarded", by=by)

    def _move(self, id_: str, *, to: str, by: str) -> dict[str, Any]:
        moved: dict[str, Any] | None = self.collection.find_one_and_update(
            {"_id": _stored_id(id_), "state": "dead"},
            {"$set": {"state": to, "decided_by": by, "decided_at": self._clock.now()}},
            return_document=ReturnDocument.AFTER,
        )
        if moved is None:
            present = self.get(id_)["state"]
            raise conflict(
                "dead-letter-decided", f"The letter is {present}; only a dead one can be decided on."
            )
        return moved


def summary(letter: Mapping[str, Any]) -> dict[str, Any]:
    """Return a letter for the list."""
    return {
        "id": letter["_id"].replace("/", ":"),
        **{
            name: letter[name]
            for name in (
                "state",
                "type",
                "event_id",
                "topic",
                "partition",
                "offset",
                "reason",
                "attempts",
                "failed_at",
            )
        },
        # What an exception says may quote the value that it stumbled on.
        "error": letter["error"].partition(":")[0] if _personal(letter) else redacted(letter["error"]),
    }


def whole(letter: Mapping[str, Any]) -> dict[str, Any]:
    """Return a letter with all that may be shown of it."""
    value = b"" if letter["value"] is None else bytes(letter["value"])
    personal = _personal(letter)
    return {
        **summary(letter),
        "key": letter["key"],
        "headers": {
            name: base64.b64decode(content).decode("utf-8", "replace") for name, content in letter["headers"]
        },
        "value": None if personal or letter["value"] is None else value.decode("utf-8", "replace")[:_SHOWN],
        "redacted": personal,
        "size": len(value),
        "sha256": hashlib.sha256(value).hexdigest(),
        "stack": None if personal else redacted(letter["stack"]),
    }


def _personal(letter: Mapping[str, Any]) -> bool:
    return f".{Stream.CONTACTS}." in letter["topic"]


def _stored_id(id_: str) -> str:
    # Stored as topic/partition/offset; no part of a path can hold a slash, no topic's name a colon.
    if len(id_) > 300 or "/" in id_:  # noqa: PLR2004 - a topic's name has 249 characters at most
        raise Problem(404, "not-found", "There is no such dead letter.")
    return id_.replace(":", "/")
