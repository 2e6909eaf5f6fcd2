"""Recovery: what a service was restored without, as far as its own topics tell it.

A service that was restored to yesterday has told others today of what it does not know any more. Its
``recovers.py`` declares, as ``consumes.py`` does for the events of others, how its own events put its own
aggregates back. An event that a document already shows the effect of is passed over: each has a sequence
within its aggregate, and the outbox keeps the last.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database

from vetika_kit.clock import Clock
from vetika_kit.events import Received
from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document
from vetika_kit.outbox import shard_of
from vetika_kit.topics import Stream

Keys = Callable[[str, Stream], frozenset[str] | None]


@dataclass(frozen=True, kw_only=True)
class Afterwards:
    """What the end of a recovery works with."""

    database: "Database[Document]"
    config: Any  # the service's own settings
    clock: Clock
    # (service, stream) → who a compacted topic still has a record of; None where that cannot be said, because
    # the topic was made anew since the backup.
    keys: Keys


def _nothing_more(_: Afterwards) -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """How a service takes back from its own topics what it told there."""

    module: ModuleType  # declares with `handles` what each event puts back
    stores: Callable[[UnitOfWork, Any], Mapping[str, object]]
    # What can be counted only when every event is back; returns what it did, for the operator.
    finish: Callable[[Afterwards], Mapping[str, int]] = _nothing_more
    lost: tuple[str, ...] = field(default=())  # what the topics cannot give back, a line each


_VERSION_UP: Final = {"$add": [{"$ifNull": ["$version", 0]}, 1]}


def put_back(
    collection: "Collection[Document]",
    id_: str,
    *,
    event: Received,
    changes: Mapping[str, Any],
    otherwise: Mapping[str, Any],
    work: UnitOfWork,
) -> None:
    """Let an own event change its aggregate back, unless the document shows its effect already.

    The version never falls below the one that the event told, so that what changes next is news to
    whoever heard it.

    Args:
        collection: The aggregates.
        id_: The aggregate's.
        event: The event, from the service's own topic.
        changes: What the event tells of the document.
        otherwise: What else a document has, for one that is not there any more.
        work: The unit of work that the handler is part of.
    """
    told = event.version if event.version is not None else _VERSION_UP
    outbox = {
        "$mergeObjects": [
            {"shard": shard_of(id_), "events": []},
            {"$ifNull": ["$outbox", {}]},
            {"seq": event.sequence or 0},
        ]
    }
    back = {
        "$mergeObjects": [
            {"$literal": dict(otherwise)},
            "$$ROOT",
            {"$literal": dict(changes)},
            {"version": {"$max": [{"$ifNull": ["$version", 0]}, told]}, "outbox": outbox},
        ]
    }
    is_news = {"$lt": [{"$ifNull": ["$outbox.seq", 0]}, event.sequence or 0]}
    work.write(
        collection,
        UpdateOne({"_id": id_}, [{"$replaceWith": {"$cond": [is_news, back, "$$ROOT"]}}], upsert=True),
    )
