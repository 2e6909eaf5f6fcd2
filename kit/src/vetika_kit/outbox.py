"""Outbox: an aggregate and the events that it caused, in one atomic document write.

The events sit in the document itself, so none can be lost between the database and the broker, and
no transaction is needed. A relay takes them out in order. Everything of it lies under the one key
``outbox``: ``shard`` (which relay's), ``seq`` (of the last event), ``since`` (when the oldest waiting
one came; absent when none waits) and ``events``.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo import ASCENDING
from pymongo.client_session import ClientSession
from pymongo.collection import Collection, ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from vetika_kit.clock import Clock
from vetika_kit.events import Event
from vetika_kit.mongo import Document
from vetika_kit.topics import Stream

SHARDS: Final = 64  # how finely relays can share the work; stored with each document, so never to be changed
_DUPLICATE_KEY: Final = 11000


class StaleVersionError(Exception):
    """The document is no longer the version that the change was decided on."""


class Aggregates:
    """A collection whose documents carry their own version and outbox."""

    def __init__(self, collection: "Collection[Document]", *, clock: Clock) -> None:
        self.collection = collection
        self._clock = clock

    def ensure_indexes(self) -> None:
        """Make the index by which relays find what waits; it holds waiting documents only."""
        self.collection.create_index(
            [("outbox.since", ASCENDING), ("outbox.shard", ASCENDING)],
            partialFilterExpression={"outbox.since": {"$exists": True}},
            name="outbox_waiting",
        )

    def insert(
        self, document: Mapping[str, Any], *events: Event, session: ClientSession | None = None
    ) -> Document:
        """Write a new aggregate with what it caused.

        Raises:
            DuplicateKeyError: There is one of this id, or a unique index refuses it.
        """
        prepared = self._prepared(document, events)
        self.collection.insert_one(prepared, session=session)
        return without_outbox(prepared)

    def insert_or_get(self, document: Mapping[str, Any], *events: Event) -> Document:
        """Write an aggregate with what it caused, or return the one that has its id already.

        So a request that is sent again under the same id meets what it made the first time.

        Raises:
            DuplicateKeyError: Another unique index refuses it.
        """
        try:
            return self.insert(document, *events)
        except DuplicateKeyError:
            found = self.get(document["_id"])
            if found is None:
                raise
            return found

    def insert_many(
        self,
        pairs: Sequence[tuple[Mapping[str, Any], Sequence[Event]]],
        *,
        session: ClientSession | None = None,
    ) -> list[int]:
        """Write many in one command; return the places of those that a unique index refused."""
        try:
            self.collection.insert_many(
                [self._prepared(document, events) for document, events in pairs],
                ordered=False,
                session=session,
            )
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            if (
                any(failure["code"] != _DUPLICATE_KEY for failure in failures)
                or error.details["writeConcernErrors"]
            ):
                raise
            return [failure["index"] for failure in failures]
        return []

    def update(
        self,
        seen: Mapping[str, Any],
        changes: Mapping[str, Mapping[str, Any]],
        *events: Event,
        session: ClientSession | None = None,
    ) -> Document:
        """Change an aggregate and add what that caused, if it is still the version that was seen.

        Args:
            seen: The document that the change was decided on; its ``_id`` and ``version`` count.
            changes: MongoDB update operators.
            events: What the change caused.
            session: A transaction to take part in.

        Returns:
            The document as it is now.

        Raises:
            StaleVersionError: Somebody else changed it meanwhile, or it is gone.
            DuplicateKeyError: A unique index refuses the change.
        """
        operators: dict[str, dict[str, Any]] = {name: dict(change) for name, change in changes.items()}
        operators.setdefault("$inc", {})["version"] = 1
        if events:
            first = self._last_sequence(seen, session=session) + 1
            waiting = [_stored(event, sequence) for sequence, event in enumerate(events, first)]
            operators.setdefault("$push", {})["outbox.events"] = {"$each": waiting}
            operators.setdefault("$set", {})["outbox.seq"] = waiting[-1]["seq"]
            operators.setdefault("$min", {})["outbox.since"] = self._clock.now()
        updated = self.collection.find_one_and_update(
            {"_id": seen["_id"], "version": seen["version"]},
            operators,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if updated is None:
            raise StaleVersionError(
                f"{self.collection.name} {seen['_id']} is not version {seen['version']} any more"
            )
        return without_outbox(updated)

    def get(self, id_: str, *, session: ClientSession | None = None) -> Document | None:
        """Return an aggregate without its outbox, or None."""
        return self.collection.find_one({"_id": id_}, {"outbox": False}, session=session)

    def _last_sequence(self, seen: Mapping[str, Any], *, session: ClientSession | None) -> int:
        if "outbox" in seen:
            return int(seen["outbox"]["seq"])
        # The version pins the sequence: an update that finds the same version finds the same sequence.
        found = self.collection.find_one(
            {"_id": seen["_id"], "version": seen["version"]}, {"outbox.seq": True}, session=session
        )
        if found is None:
            raise StaleVersionError(
                f"{self.collection.name} {seen['_id']} is not version {seen['version']} any more"
            )
        return int(found["outbox"]["seq"])

    def _prepared(self, document: Mapping[str, Any], events: Sequence[Event]) -> Document:
        waiting = [_stored(event, sequence) for sequence, event in enumerate(events, 1)]
        outbox: dict[str, Any] = {
            "shard": shard_of(str(document["_id"])),
            "seq": len(waiting),
            "events": waiting,
        }
        if waiting:
            outbox["since"] = self._clock.now()
        return {**document, "version": 1, "outbox": outbox}


def without_outbox(document: Mapping[str, Any]) -> Document:
    """Return the document as its service means it."""
    return {name: value for name, value in document.items() if name != "outbox"}


def shard_of(id_: str) -> int:
    """Return the shard of an aggregate: one aggregate is always relayed by one process."""
    return zlib.crc32(id_.encode()) % SHARDS


def _stored(event: Event, sequence: int) -> Document:
    stored: Document = {
        "seq": sequence,
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "time": event.time,
        "stream": str(event.stream),
        "key": event.key,
        "data": event.data,
    }
    if event.version is not None:
        stored["version"] = event.version
    if event.traceparent:
        stored["traceparent"] = event.traceparent
    return stored


def restored(stored: Mapping[str, Any]) -> Event:
    """Return the event that a document's outbox holds."""
    return Event(
        id=stored["id"],
        type=stored["type"],
        subject=stored["subject"],
        time=stored["time"],
        data=stored["data"],
        stream=Stream(stored["stream"]),
        key=stored["key"],
        version=stored.get("version"),
        traceparent=stored.get("traceparent"),
    )
