"""Imports: what became of a list, row by row, without anybody's name."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from pymongo.collection import Collection
from pymongo.database import Database

from registration.domain.findings import Finding, Reason

Document = dict[str, Any]

COLLECTION: Final = "imports"
SILENT: Final = timedelta(seconds=60)  # an import that says nothing for so long has lost its process


class ImportState(StrEnum):
    """How far an import is."""

    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"  # the same file again goes on where it stopped


class Imports:
    """The imports of all forums, kept as their reports."""

    def __init__(self, database: "Database[Document]") -> None:
        self.collection: Collection[Document] = database[COLLECTION]

    def begin(self, import_id: str, *, forum_id: str, by: str, rows: int, now: datetime) -> None:
        """Record that an import runs; the same request again begins it anew."""
        self.collection.replace_one(
            {"_id": import_id},
            {
                "forum_id": forum_id,
                "by": by,
                "state": ImportState.RUNNING,
                "rows": rows,
                "outcomes": {},
                "findings": [],
                "began_at": now,
                "heard_at": now,
            },
            upsert=True,
        )

    def proceed(self, import_id: str, *, outcomes: dict[str, int], now: datetime) -> None:
        """Record how far it is."""
        self.collection.update_one({"_id": import_id}, {"$set": {"outcomes": outcomes, "heard_at": now}})

    def finish(
        self,
        import_id: str,
        *,
        state: ImportState,
        outcomes: dict[str, int],
        findings: Sequence[Finding],
        now: datetime,
    ) -> None:
        """Record the end, with what was found."""
        self.collection.update_one(
            {"_id": import_id},
            {
                "$set": {
                    "state": state,
                    "outcomes": outcomes,
                    "findings": [
                        [finding.line, finding.column, str(finding.reason), dict(finding.details)]
                        for finding in findings
                    ],
                    "heard_at": now,
                }
            },
        )

    def get(self, import_id: str, *, now: datetime) -> Document | None:
        """Return an import; one whose process fell silent is interrupted."""
        found = self.collection.find_one({"_id": import_id})
        if found is None:
            return None
        if found["state"] == ImportState.RUNNING and now - found["heard_at"] > SILENT:
            found["state"] = ImportState.INTERRUPTED
        return found


def findings_of(document: Document) -> list[Finding]:
    """Return the findings of a stored import."""
    return [
        Finding(line=line, column=column, reason=Reason(reason), details=details)
        for line, column, reason, details in document["findings"]
    ]
