"""Copies: what a service keeps of another service's aggregates, as their events tell of them.

A service never asks another; it remembers what it heard. Events that carry the whole state and a
version may come again or late: the newest version wins.
"""

from collections.abc import Mapping
from typing import Any

from pymongo import UpdateOne
from pymongo.collection import Collection

from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document


def learn(
    collection: "Collection[Document]", id_: str, *, version: int, facts: Mapping[str, Any], work: UnitOfWork
) -> None:
    """Keep what an event told of an aggregate, unless a newer one told more already.

    Args:
        collection: Where the service keeps its copies; nothing else writes to it.
        id_: The aggregate's id, the copy's ``_id``.
        version: The aggregate's version, as the event carries it.
        facts: The whole copy; what it does not name is forgotten.
        work: The unit of work that the handler is part of.
    """
    told: Document = {**facts, "_id": id_, "version": version}
    newer = {"$gt": [version, {"$ifNull": ["$version", -1]}]}
    # $literal: a name that begins with a dollar sign is a name, not a field.
    newest = {"$replaceWith": {"$cond": [newer, {"$literal": told}, "$$ROOT"]}}
    work.write(collection, UpdateOne({"_id": id_}, [newest], upsert=True))
