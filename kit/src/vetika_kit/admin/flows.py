"""The state of the way out and the way in, as relays and workers leave it in the database."""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from vetika_kit.clock import Clock
from vetika_kit.mongo import Document
from vetika_kit.outboxes import oldest_waiting


def outbound(database: "Database[Document]", *, outboxes: tuple[str, ...], clock: Clock) -> dict[str, Any]:
    """Return what waits to be published, the relays that live, and which holds which shard."""
    return {
        "waiting": [
            {
                "collection": name,
                "documents": database[name].count_documents({"outbox.since": {"$exists": True}}),
                "oldest_seconds": oldest_waiting(database, (name,), clock=clock),
            }
            for name in outboxes
        ],
        "relays": [
            {"owner": member["_id"], "expires_at": member["expires_at"]}
            for member in database["relay_members"]
            .find({"$expr": {"$gt": ["$expires_at", "$$NOW"]}})
            .sort("_id", ASCENDING)
        ],
        "shards": [
            {
                "shard": lease["_id"],
                "owner": lease["owner"],
                "expires_at": lease["expires_at"],
                "epoch": lease["epoch"],
            }
            for lease in database["relay_leases"].find().sort("_id", ASCENDING)
        ],
    }


def inbound(database: "Database[Document]", *, group: str) -> dict[str, Any]:
    """Return how far each partition has been handled, and whether the group is halted."""
    state = database["consumer_state"].find_one({"_id": group}) or {}
    reports = {report["_id"]: report for report in database["consumer_reports"].find()}
    return {
        "group": group,
        "state": state.get("state", "running"),
        "reason": state.get("reason"),
        "remedy": state.get("remedy"),
        "since": state.get("at"),
        "positions": [
            {
                "topic": position["topic"],
                "partition": position["partition"],
                "offset": position["offset"],
                "moved_at": position.get("at"),
                **{
                    name: reports.get(position["_id"], {}).get(name) for name in ("end", "lag", "reported_at")
                },
            }
            for position in database["positions"]
            .find({"group": group})
            .sort([("topic", ASCENDING), ("partition", ASCENDING)])
        ],
    }
