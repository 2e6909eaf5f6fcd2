"""Upkeep: the word in a database that it is being restored or rebuilt, and whom to keep out meanwhile."""

from collections.abc import Mapping
from typing import Any, Final

from pymongo.database import Database

from vetika_kit.mongo import Document

COLLECTION: Final = "upkeep"
STAGED: Final = "restoring."  # prefix of the collections that a restore fills before it puts them in place
# What living processes say of themselves is no knowledge: it is neither kept nor restored.
OF_THE_LIVING: Final = frozenset(
    {"relay_leases", "relay_members", "consumer_reports", "releases", COLLECTION}
)


def unfinished(database: "Database[Document]") -> str | None:
    """Return which work on this database was begun and has not ended: ``restore`` or ``rebuild``."""
    found = database[COLLECTION].find_one({}, {"_id": True}, sort=[("_id", -1)])
    return None if found is None else str(found["_id"])


def begin(database: "Database[Document]", work: str, **facts: Any) -> None:
    """Say that a work is under way; until its end no process of the service starts."""
    database[COLLECTION].replace_one({"_id": work}, facts, upsert=True)


def note(database: "Database[Document]", work: str, **facts: Any) -> None:
    """Say how far it has come."""
    database[COLLECTION].update_one({"_id": work}, {"$set": facts})


def facts_of(database: "Database[Document]", work: str) -> Mapping[str, Any] | None:
    """Return what a work under way has said, or None."""
    return database[COLLECTION].find_one({"_id": work})


def end(database: "Database[Document]", work: str) -> None:
    """Say that it is done."""
    database[COLLECTION].delete_one({"_id": work})


def collections(database: "Database[Document]") -> list[str]:
    """Return the collections that hold what the service knows."""
    return sorted(
        name
        for name in database.list_collection_names()
        if name not in OF_THE_LIVING and not name.startswith((STAGED, "system."))
    )


def at_work(database: "Database[Document]", *, name: str) -> list[str]:
    """Return the addresses of the service's other processes: who is connected to the database under `name`.

    MongoDB shows a user its own connections without further rights, from whichever machine they come.
    """
    pipeline: list[Mapping[str, Any]] = [
        {"$currentOp": {"allUsers": False, "idleConnections": True}},
        {"$match": {"appName": name}},
        {"$group": {"_id": "$client"}},
        {"$sort": {"_id": 1}},
    ]
    return [str(found["_id"]) for found in database.client.admin.aggregate(pipeline)]
