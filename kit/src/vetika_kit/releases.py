"""Releases: what each version that ran here published and read, so that the next can be held against it."""

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from pymongo import DESCENDING
from pymongo.database import Database

from vetika_kit.events import published_by
from vetika_kit.json_schema import data_schema, published_schema
from vetika_kit.mongo import Document

if TYPE_CHECKING:
    from vetika_kit.service import Service

COLLECTION: Final = "releases"


def language(service: "Service") -> dict[str, Any]:
    """Return what this code of a service publishes and reads, as JSON Schemas of the events' data."""
    published = published_by(service.publishes) if service.publishes is not None else {}
    return {
        "publishes": [
            {"type": type_, "stream": str(schema.stream), "schema": published_schema(schema, type_=type_)}
            for type_, schema in sorted(published.items())
        ],
        "reads": [
            {
                "type": handler.type,
                "service": handler.service,
                "stream": str(handler.stream),
                "schema": None if handler.reads is None else data_schema(handler.reads),
            }
            for _, handler in sorted(service.handlers.by_type.items())
        ],
    }


def record(database: "Database[Document]", service: "Service") -> None:
    """Remember that this version of a service has begun to run here."""
    # As text: the names of a JSON Schema begin with what MongoDB keeps for operators.
    text = json.dumps(language(service), sort_keys=True)
    id_ = f"{service.version}/{sha256(text.encode()).hexdigest()[:12]}"
    seen = {"$ifNull": ["$first_started_at", "$$NOW"]}
    database[COLLECTION].update_one(
        {"_id": id_},
        [
            {
                "$set": {
                    "version": {"$literal": service.version},
                    "language": {"$literal": text},
                    "first_started_at": seen,
                    "started_at": "$$NOW",
                }
            }
        ],
        upsert=True,
    )


def latest(database: "Database[Document]") -> dict[str, Any] | None:
    """Return the language, with its ``version``, of what was started last; None where none was remembered."""
    found = database[COLLECTION].find_one(sort=[("started_at", DESCENDING)])
    if found is None:
        return None
    return {"version": found["version"], **json.loads(found["language"])}
