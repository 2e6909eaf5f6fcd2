"""Changes: what a database's change stream tells, kept small, and done again on a copy.

A change names what became of a document, not how: done in order on the state that it was made on, it gives
the state that was.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bson.timestamp import Timestamp
from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.collection import Collection

from vetika_kit.backup.errors import ArchiveError
from vetika_kit.mongo import Document

Change = Mapping[str, Any]

# Of a document. Whatever else happens to a database (a collection is dropped, renamed or replaced) ends what
# can be followed.
OF_DOCUMENTS: Final = ("insert", "replace", "update", "delete")


def kept(event: Mapping[str, Any]) -> Change:
    """Return what is to be kept of an event of the change stream."""
    change: dict[str, Any] = {
        "kind": event["operationType"],
        "collection": event["ns"]["coll"],
        "id": event["documentKey"]["_id"],
        "at": event["clusterTime"],
    }
    match event["operationType"]:
        case "insert" | "replace":
            change["document"] = event["fullDocument"]
        case "update":
            described = event["updateDescription"]
            change["set"] = described["updatedFields"]
            change["unset"] = described["removedFields"]
            change["cut"] = [
                {"field": cut["field"], "size": cut["newSize"]}
                for cut in described.get("truncatedArrays", ())
            ]
    return change


def moment(change: Change) -> Timestamp:
    """Return when it was committed; all changes of one transaction have the same moment."""
    at: Timestamp = change["at"]
    return at


def redo(collection: "Collection[Document]", changes: Iterable[Change]) -> None:
    """Do changes again, in order, on the state that they were made on.

    Raises:
        ArchiveError: A document that was changed is not there: these are not the changes that follow.
    """
    operations: list[Any] = []
    touched = 0
    for change in changes:
        done = _operations(change)
        operations += done
        touched += len(done)
    if not operations:
        return
    result = collection.bulk_write(operations, ordered=True)
    if result.matched_count + result.upserted_count + result.deleted_count != touched:
        raise ArchiveError(
            f"the journal does not follow the backup: a document of {collection.name} is not there"
        )


def _operations(change: Change) -> Sequence[Any]:
    this = {"_id": change["id"]}
    match change["kind"]:
        case "insert" | "replace":
            return [ReplaceOne(this, change["document"], upsert=True)]
        case "delete":
            return [DeleteOne(this)]
    # An array is cut before its elements are set: one update may not name it twice.
    cuts: list[Any] = [
        UpdateOne(this, {"$push": {cut["field"]: {"$each": [], "$slice": cut["size"]}}})
        for cut in change["cut"]
    ]
    operators = {}
    if change["set"]:
        operators["$set"] = change["set"]
    if change["unset"]:
        operators["$unset"] = dict.fromkeys(change["unset"], "")
    return [*cuts, UpdateOne(this, operators)] if operators else cuts
