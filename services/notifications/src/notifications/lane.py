"""A lane: takes what is due on one channel, lets a few threads carry it, and writes down how it ended."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pymongo.errors import PyMongoError

from notifications import metrics
from notifications.courier import Carried, Courier
from notifications.domain.allowance import Allowance
from notifications.domain.delivery import (
    INTERRUPTED,
    Accepted,
    Channel,
    Refused,
    State,
    Step,
    accepted,
    refused,
)
from notifications.domain.errors import RuleError
from notifications.domain.retry import RetryPolicy
from notifications.outflow import Outflow
from notifications.store.claims import Claims
from notifications.store.deliveries import Deliveries, standing
from vetika_kit.clock import Clock
from vetika_kit.inbox import is_transient
from vetika_kit.mongo import Document
from vetika_kit.outbox import StaleVersionError
from vetika_kit.tracing import continued_span
from vetika_kit.wake import Wake

logger = logging.getLogger(__name__)

ENDS: Final = frozenset({State.SENT, State.DELIVERED, State.FAILED})


@dataclass(frozen=True, kw_only=True)
class LanePolicy:
    """How a lane works."""

    threads: int  # messages under way at once
    sweep: float = 1.0  # seconds between looks when nothing wakes it; also how late a retry may be
    backoff: float = 1.0  # seconds of rest when the database is away
    # An attempt is not begun when less than this is left of its lease: another sender may begin it too.
    margin: timedelta = timedelta(seconds=10)


class Lane:
    """Sends the messages of one channel in one sender process."""

    def __init__(
        self,
        *,
        channel: Channel,
        courier: Courier,
        claims: Claims,
        deliveries: Deliveries,
        wake: Wake,
        allowance: Allowance,
        retry: RetryPolicy,
        policy: LanePolicy,
        clock: Clock,
    ) -> None:
        self._channel = channel
        self._courier = courier
        self._claims = claims
        self._deliveries = deliveries
        self._wake = wake
        self._allowance = allowance
        self._retry = retry
        self._policy = policy
        self._clock = clock
        # Twice as many are claimed as are under way, so that no thread waits for the next claim.
        self._room = 2 * policy.threads
        self._has_room = threading.Condition()
        self._stop = threading.Event()
        self.ticked_at = time.monotonic()
        self.outflow = Outflow(now=self.ticked_at)

    @property
    def listening(self) -> bool:
        """Whether a new delivery would wake it."""
        return self._wake.listening

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; what is claimed is sent before."""
        self._stop = stop
        try:
            with ThreadPoolExecutor(self._policy.threads, thread_name_prefix=self._channel) as pool:
                while not stop.is_set():
                    self.ticked_at = time.monotonic()
                    try:
                        self._round(pool)
                    except PyMongoError as error:
                        logger.warning("lane %s rests: %s", self._channel, type(error).__name__)
                        self._wake.close()
                        stop.wait(self._policy.backoff)
        finally:
            self._wake.close()
            self._courier.close()

    def _round(self, pool: ThreadPoolExecutor) -> None:
        room = self._wait_for_room()
        granted = self._allowance.grant(room, now=time.monotonic()) if room else 0
        if room and not granted:
            self._stop.wait(min(self._allowance.pause(), self._policy.sweep))
        if not granted:
            return
        claimed = self._claims.claim(self._channel, limit=granted)
        self._allowance.give_back(granted - len(claimed))
        with self._has_room:
            self._room -= len(claimed)
        for delivery in claimed:
            pool.submit(self._deliver, delivery)
        if len(claimed) == granted:
            # There is more, and it is found without a bell.
            self._wake.close()
        elif self._wake.listening:
            self._wake.wait(self._policy.sweep, stop=self._stop)
        else:
            self._wake.listen()
            if not self._wake.listening:
                self._wake.wait(self._policy.sweep, stop=self._stop)

    def _wait_for_room(self) -> int:
        with self._has_room:
            if self._room == 0:
                self._has_room.wait(self._policy.sweep)
            return self._room

    def _deliver(self, delivery: Document) -> None:
        try:
            with continued_span(
                f"send {self._channel}",
                traceparent=delivery.get("traceparent"),
                attributes={"vetika.delivery_id": delivery["_id"]},
            ):
                self._attempt(delivery)
        except Exception as error:  # the lease brings the delivery back; the lane must go on
            logger.exception(
                "attempt failed: %s", type(error).__name__, extra={"delivery_id": delivery["_id"]}
            )
        finally:
            with self._has_room:
                self._room += 1
                self._has_room.notify()

    def _attempt(self, delivery: Document) -> None:
        if self._clock.now() > delivery["due_at"] - self._policy.margin:
            return  # waited in line for too long; the next claim takes it
        started = time.monotonic()
        if delivery["attempts"] - delivery["attempts_before"] > self._retry.attempts:
            # Its last attempt was cut off by a crash; one that always ends so must not go round for ever.
            carried = Carried(outcome=Refused(code=INTERRUPTED, permanent=True))
        else:
            try:
                carried = self._courier.carry(delivery)
            except Exception as error:
                logger.exception(
                    "no message could be made: %s",
                    type(error).__name__,
                    extra={"delivery_id": delivery["_id"]},
                )
                carried = Carried(outcome=Refused(code="internal", permanent=False))
        metrics.ATTEMPT_SECONDS.labels(channel=self._channel).observe(time.monotonic() - started)
        self._write_down(delivery, carried)

    def _write_down(self, delivery: Document, carried: Carried) -> None:
        """Record how it ended, and try for as long as the lease holds: what is not recorded is sent again."""
        seen: Document | None = delivery
        while seen is not None and (seen["lease"] or {}).get("token") == delivery["lease"]["token"]:
            try:
                step = self._step(seen, carried)
                self._deliveries.apply(seen, step, **carried.sets)
            except StaleVersionError:
                # A status callback or an erasure was faster; what it left may have an end already.
                seen = self._deliveries.get(delivery["_id"])
            except RuleError:
                self._take_in_end(seen)
                return
            except PyMongoError as error:
                if not is_transient(error) or self._clock.now() > delivery["due_at"]:
                    raise
                logger.warning("cannot record an attempt: %s", type(error).__name__)
                if self._stop.wait(self._policy.backoff):
                    raise
            else:
                self._count(delivery, step)
                return
        if seen is not None:
            self._take_in_end(seen)
            if carried.sets:
                self._deliveries.note(delivery, carried.sets)

    def _step(self, seen: Document, carried: Carried) -> Step:
        now, where = self._clock.now(), standing(seen)
        match carried.outcome:
            case Accepted() as outcome:
                return accepted(outcome, standing=where, now=now)
            case Refused() as outcome:
                return refused(outcome, standing=where, policy=self._retry, now=now)

    def _count(self, delivery: Document, step: Step) -> None:
        self._take_in(step.state, delivery["_id"])
        if step.state is State.SENT:
            taken = (self._clock.now() - delivery["created_at"]).total_seconds()
            metrics.SENT_SECONDS.labels(channel=self._channel).observe(taken)
            return
        logger.info(
            "attempt ended",
            extra={
                "delivery_id": delivery["_id"],
                "channel": self._channel,
                "left_as": step.state,
                "reason": step.sets["last_error"],
                "attempts": delivery["attempts"],
            },
        )

    def _take_in_end(self, seen: Document) -> None:
        """Take in that somebody else has recorded how it ended; what another sender took up has not ended."""
        state = State(seen["state"])
        if state in ENDS:
            self._take_in(state, seen["_id"])

    def _take_in(self, left_as: State, delivery_id: str) -> None:
        metrics.ATTEMPTS.labels(channel=self._channel, left_as=left_as).inc()
        if left_as is State.QUEUED:
            self.outflow.came_back(delivery_id, now=time.monotonic())
        else:
            self.outflow.left(now=time.monotonic())
