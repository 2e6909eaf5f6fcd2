"""Leases on shards: which relay publishes which aggregates.

Every comparison of times is made by the database's own clock (``$$NOW``), so the clocks of the relays'
machines decide nothing. A holder that sleeps through its lease notices by its own monotonic clock.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.database import Database

from vetika_kit.mongo import Document


@dataclass(frozen=True, kw_only=True)
class LeasePolicy:
    """How long a shard stays with a relay that says nothing."""

    duration: float = 15.0  # seconds until the others may take over; longer than a pause that is not a death
    renewal: float = 3.0  # seconds between renewals, so that several may fail before the lease ends


class ShardLeases:
    """The shards that one relay holds, shared evenly with the other relays of the service."""

    def __init__(
        self,
        database: "Database[Document]",
        *,
        owner: str,
        shards: Sequence[int],
        policy: LeasePolicy | None = None,
    ) -> None:
        self._leases = database["relay_leases"]
        self._members = database["relay_members"]
        self._owner = owner
        self._shards = list(shards)
        self._policy = policy or LeasePolicy()
        self._held: list[int] = []
        self._held_until = 0.0  # monotonic seconds
        self._renew_at = 0.0

    @property
    def held(self) -> list[int]:
        """The shards held at this moment; none once the lease may have passed to another."""
        return self._held if time.monotonic() < self._held_until else []

    def keep(self) -> bool:
        """Renew, take up and give back shards when that is due; return whether the held ones changed."""
        if time.monotonic() < self._renew_at:
            return False
        asked_at = time.monotonic()
        before = self.held
        self._announce()
        held = self._renew()
        share = math.ceil(len(self._shards) / self._live_members())
        if len(held) > share:
            self._give_back(held[share:])
            held = held[:share]
        elif len(held) < share:
            held = self._take(share - len(held))
        self._held = sorted(held)
        self._held_until = asked_at + self._policy.duration
        self._renew_at = asked_at + self._policy.renewal
        return self._held != before

    def release(self) -> None:
        """Give everything back, so that the others need not wait for the leases to end."""
        self._give_back(self._held)
        self._members.delete_one({"_id": self._owner})
        self._held, self._held_until, self._renew_at = [], 0.0, 0.0

    def _announce(self) -> None:
        self._members.update_one(
            {"_id": self._owner}, [{"$set": {"expires_at": self._expiry()}}], upsert=True
        )

    def _live_members(self) -> int:
        return max(1, self._members.count_documents({"$expr": {"$gt": ["$expires_at", "$$NOW"]}}))

    def _renew(self) -> list[int]:
        mine = {"owner": self._owner, "$expr": {"$gt": ["$expires_at", "$$NOW"]}}
        self._leases.update_many(mine, [{"$set": {"expires_at": self._expiry()}}])
        return self._mine()

    def _mine(self) -> list[int]:
        mine = {"owner": self._owner, "$expr": {"$gt": ["$expires_at", "$$NOW"]}}
        return sorted(lease["_id"] for lease in self._leases.find(mine, {"_id": True}))

    def _take(self, wanted: int) -> list[int]:
        known = {lease["_id"]: lease for lease in self._leases.find({}, {"_id": True})}
        missing = [shard for shard in self._shards if shard not in known]
        if missing:
            self._leases.bulk_write(
                [
                    UpdateOne(
                        {"_id": shard},
                        {"$setOnInsert": {"owner": None, "expires_at": None, "epoch": 0}},
                        upsert=True,
                    )
                    for shard in missing
                ],
                ordered=False,
            )
        free = {"$expr": {"$or": [{"$eq": ["$owner", None]}, {"$lte": ["$expires_at", "$$NOW"]}]}}
        candidates = [lease["_id"] for lease in self._leases.find(free, {"_id": True}).limit(wanted)]
        if candidates:
            taken: list[dict[str, Any]] = [
                {
                    "$set": {
                        "owner": self._owner,
                        "expires_at": self._expiry(),
                        "epoch": {"$add": ["$epoch", 1]},
                    }
                }
            ]
            self._leases.bulk_write(
                [UpdateOne({"_id": shard, **free}, taken) for shard in candidates], ordered=False
            )
        return self._mine()

    def _give_back(self, shards: Sequence[int]) -> None:
        self._leases.update_many(
            {"_id": {"$in": list(shards)}, "owner": self._owner},
            {"$set": {"owner": None, "expires_at": None}},
        )

    def _expiry(self) -> dict[str, Any]:
        return {"$add": ["$$NOW", int(self._policy.duration * 1000)]}
