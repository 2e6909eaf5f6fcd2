"""Dead letters: events that cannot take effect as they are, kept whole until somebody decides.

A letter is ``dead`` until an operator asks for a replay (``replay_requested`` → ``replayed``, or
``dead`` again) or discards it (``discarded``).
"""

import base64
import traceback
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pymongo.database import Database

from vetika_kit import metrics
from vetika_kit.cloudevents import Headers, header
from vetika_kit.looks import Look, Value
from vetika_kit.mongo import Document


class Reason(StrEnum):
    """Why an event was put aside."""

    UNREADABLE = "unreadable"  # no CloudEvent
    BREAKS_CONTRACT = "breaks_contract"  # its data is not what the reader needs
    HANDLER_FAILED = "handler_failed"  # the handler raised


@dataclass(frozen=True, kw_only=True)
class DeadLetterPolicy:
    """When a worker stops: a broken producer must not drain a topic into the bin."""

    window: int = 100  # events looked back upon
    minimum: int = 20  # dead ones before the share counts at all: a few are everyday life
    share: float = 0.5  # of the window


class DeadShare:
    """The share of dead letters among the last events."""

    def __init__(self, policy: DeadLetterPolicy) -> None:
        self.policy = policy
        self.outcomes: deque[bool] = deque(maxlen=policy.window)

    def count(self, *, dead: bool) -> None:
        """Add the outcome of one event."""
        self.outcomes.append(dead)

    def copy(self) -> "DeadShare":
        """Return one that can be tried out without telling this one."""
        twin = DeadShare(self.policy)
        twin.become(self)
        return twin

    def become(self, other: "DeadShare") -> None:
        """Take over what the other has counted: its trial was committed."""
        self.outcomes = deque(other.outcomes, maxlen=self.policy.window)

    @property
    def exceeded(self) -> bool:
        """Whether too many died."""
        dead = sum(self.outcomes)
        return dead >= self.policy.minimum and dead > self.policy.share * len(self.outcomes)


def dead_letter(record: Any, *, group: str, reason: Reason, error: BaseException, now: datetime) -> Document:
    """Write down a record that could not take effect: whole, with headers, reason and stack."""
    headers: Headers = record.headers or []
    return {
        "_id": f"{record.topic}/{record.partition}/{record.offset}",
        "group": group,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": (record.key or b"").decode("utf-8", "replace"),
        "headers": [[name, base64.b64encode(value or b"").decode()] for name, value in headers],
        "value": record.value,
        "type": header(headers, "ce_type"),
        "event_id": header(headers, "ce_id"),
        "reason": str(reason),
        "error": f"{type(error).__name__}: {error}",
        "stack": "".join(traceback.format_exception(error)),
        "failed_at": now,
        "attempts": 1,
        "state": "dead",
    }


def headers_of(letter: Document) -> Headers:
    """Return the headers that a letter keeps."""
    stored: Sequence[tuple[str, Any]] = letter["headers"]
    return [(name, base64.b64decode(value)) for name, value in stored]


def dead_letters_kept(database: "Database[Document]") -> Look:
    """Show Prometheus how many letters wait for somebody to decide, by reason."""

    def read() -> Iterable[Value]:
        groups = database["dead_letters"].aggregate(
            [{"$match": {"state": "dead"}}, {"$group": {"_id": "$reason", "letters": {"$sum": 1}}}]
        )
        letters = dict.fromkeys(map(str, Reason), 0) | {group["_id"]: group["letters"] for group in groups}
        for reason, number in letters.items():
            yield Value(gauge=metrics.DEAD_LETTERS_KEPT, labels={"reason": reason}, number=number)

    return Look(gauges=[metrics.DEAD_LETTERS_KEPT], read=read)
