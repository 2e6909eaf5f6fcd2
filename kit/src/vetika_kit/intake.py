"""Intake: what becomes of each event of a batch — handled, repeated, skipped, or put aside."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError
from pymongo.errors import PyMongoError

from vetika_kit import metrics
from vetika_kit.clock import Clock
from vetika_kit.cloudevents import Headers, UnreadableEventError, decode, type_of
from vetika_kit.dead_letters import DeadShare, Reason, dead_letter
from vetika_kit.events import Received
from vetika_kit.handlers import Handler, Handlers
from vetika_kit.inbox import Batch, Inbox, LostPartitionError, Position, UnitOfWork, is_transient
from vetika_kit.mongo import Document
from vetika_kit.topics import Stream
from vetika_kit.tracing import continued_span

logger = logging.getLogger(__name__)

Stores = Callable[[UnitOfWork], Mapping[str, object]]


class CondemnedError(Exception):
    """One event of a batch made the whole fail; the batch is begun again with that one put aside."""

    def __init__(self, offset: int, reason: Reason, cause: BaseException) -> None:
        super().__init__(f"offset {offset}: {reason}")
        self.offset = offset
        self.reason = reason
        self.cause = cause


@dataclass(frozen=True, kw_only=True)
class _Readable:
    """A record that a handler is to have."""

    offset: int
    event: Received
    handler: Handler

    @property
    def key(self) -> str:
        return event_key(self.event)


def event_key(event: Received) -> str:
    """Return what identifies an event: source and id together (CloudEvents 1.0, "id")."""
    return f"{event.source}#{event.id}"


class Intake:
    """Turns the records of one partition into effects, in order, each at most once."""

    def __init__(
        self,
        inbox: Inbox,
        *,
        handlers: Handlers,
        topics: Mapping[str, tuple[str, Stream]],
        stores: Stores,
        group: str,
        clock: Clock,
    ) -> None:
        self._inbox = inbox
        self._handlers = handlers
        self._topics = topics
        self._stores = stores
        self._group = group
        self._clock = clock

    def take(self, position: Position, records: Sequence[Any], *, share: DeadShare) -> Position:
        """Handle a batch and commit it; return the new position.

        An event that fails for good is put aside and the rest of the batch is done again without it.
        Where a failure names no event (a write refused at the end of a batch), the events are taken
        one by one.

        Raises:
            LostPartitionError: Another worker has the partition.
            PyMongoError: The database is away; the batch is to be tried again.
        """
        condemned: dict[int, Document] = {}
        while True:
            try:
                return self._commit(position, records, condemned=condemned, share=share)
            except CondemnedError as verdict:
                record = next(record for record in records if record.offset == verdict.offset)
                condemned[verdict.offset] = self._letter(record, verdict.reason, verdict.cause)
            except LostPartitionError:
                raise
            except PyMongoError as error:
                if is_transient(error):
                    raise
                if len(records) == 1:
                    record = records[0]
                    condemned[record.offset] = self._letter(record, Reason.HANDLER_FAILED, error)
                    continue
                for record in records:
                    position = self.take(position, [record], share=share)
                    if share.exceeded:
                        return position
                return position

    def read(self, record: Any) -> tuple[Received, Handler] | None:
        """Decode a record for its handler; None where this service does not read its type.

        Raises:
            UnreadableEventError: It is no CloudEvent.
            ValidationError: Its data is not what the reader needs.
        """
        headers: Headers = record.headers or []
        service, stream = self._topics[record.topic]
        handler = self._handlers.find(service=service, stream=stream, type_=type_of(record.value, headers))
        if handler is None:
            return None
        key = (record.key or b"").decode("utf-8", "replace")
        return decode(record.value, headers, key=key, reads=handler.reads), handler

    def stores(self, unit: UnitOfWork) -> Mapping[str, object]:
        """Return what handlers work with inside a unit of work."""
        return self._stores(unit)

    def handle(self, event: Received, handler: Handler, *, stores: Mapping[str, object]) -> None:
        """Let one event take effect, as part of the trace of whoever caused it."""
        with continued_span(
            f"handle {event.type}",
            traceparent=event.traceparent,
            attributes={"messaging.message.id": event.id, "messaging.system": "kafka"},
        ):
            handler.handle(event, stores=stores)

    def _commit(
        self,
        position: Position,
        records: Sequence[Any],
        *,
        condemned: Mapping[int, Document],
        share: DeadShare,
    ) -> Position:
        batch = Batch(position=position, next_offset=records[-1].offset + 1)
        outcomes: list[tuple[str, str]] = []
        trial = share.copy()

        def work(unit: UnitOfWork) -> Batch:
            outcomes.clear()
            readable, dead = self._sorted(records, condemned)
            seen = self._inbox.already_seen((one.key for one in readable.values()), session=unit.session)
            stores = self._stores(unit)
            for record in records:
                if record.offset in dead:
                    letter = dead[record.offset]
                    batch.dead_letters.append(letter)
                    outcomes.append((letter["type"] or "unknown", "dead"))
                    trial.count(dead=True)
                elif (one := readable.get(record.offset)) is None:
                    outcomes.append(("other", "skipped"))
                elif one.key in seen:
                    outcomes.append((one.event.type, "repeated"))
                else:
                    seen.add(one.key)
                    self._effect(one, stores=stores)
                    batch.event_keys.append(one.key)
                    outcomes.append((one.event.type, "handled"))
                    trial.count(dead=False)
                if trial.exceeded:
                    batch.next_offset = record.offset + 1
                    break
            return batch

        self._inbox.in_transaction(work)
        share.become(trial)
        for type_, outcome in outcomes:
            metrics.EVENTS_RECEIVED.labels(type=type_, outcome=outcome).inc()
        for letter in batch.dead_letters:
            metrics.DEAD_LETTERS.labels(reason=letter["reason"]).inc()
            logger.error("dead letter %s: %s", letter["_id"], letter["reason"])
        return Position(topic=position.topic, partition=position.partition, offset=batch.next_offset)

    def _sorted(
        self, records: Sequence[Any], condemned: Mapping[int, Document]
    ) -> tuple[dict[int, _Readable], dict[int, Document]]:
        readable: dict[int, _Readable] = {}
        dead = dict(condemned)
        for record in records:
            if record.offset in dead:
                continue
            try:
                found = self.read(record)
            except UnreadableEventError as error:
                dead[record.offset] = self._letter(record, Reason.UNREADABLE, error)
            except ValidationError as error:
                dead[record.offset] = self._letter(record, Reason.BREAKS_CONTRACT, error)
            else:
                if found is not None:
                    readable[record.offset] = _Readable(
                        offset=record.offset, event=found[0], handler=found[1]
                    )
        return readable, dead

    def _effect(self, one: _Readable, *, stores: Mapping[str, object]) -> None:
        try:
            self.handle(one.event, one.handler, stores=stores)
        except Exception as error:
            # What the database cannot do now is no fault of the event.
            if is_transient(error):
                raise
            raise CondemnedError(one.offset, Reason.HANDLER_FAILED, error) from error

    def _letter(self, record: Any, reason: Reason, error: BaseException) -> Document:
        return dead_letter(record, group=self._group, reason=reason, error=error, now=self._clock.now())
