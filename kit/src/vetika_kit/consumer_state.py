"""What a group's workers tell operators through the database, and what operators tell them."""

from collections.abc import Mapping

from kafka import TopicPartition
from pymongo import UpdateOne
from pymongo.database import Database

from vetika_kit.clock import Clock
from vetika_kit.mongo import Document


class ConsumerState:
    """Whether a group runs, and how far its partitions are behind."""

    def __init__(self, database: "Database[Document]", *, group: str, clock: Clock) -> None:
        self._states = database["consumer_state"]
        # Not in the positions: those are written in transactions, and a write beside them would wait for one
        # that a dead worker left open, a minute long, with every partition.
        self._reports = database["consumer_reports"]
        self.group = group
        self._clock = clock

    @property
    def halted(self) -> bool:
        """Whether the group has stopped itself and nobody has resumed it yet."""
        found = self._states.find_one({"_id": self.group}, {"state": True})
        return found is not None and found["state"] == "halted"

    def halt(self, reason: str) -> None:
        """Stop the whole group until an operator resumes it."""
        self._states.update_one(
            {"_id": self.group},
            {"$set": {"state": "halted", "reason": reason, "at": self._clock.now()}},
            upsert=True,
        )

    def resume(self) -> bool:
        """Let the group go on; return whether it was halted."""
        result = self._states.update_one(
            {"_id": self.group, "state": "halted"},
            {"$set": {"state": "running", "reason": None, "at": self._clock.now()}},
        )
        return result.modified_count == 1

    def report(self, *, ends: Mapping[TopicPartition, int], lags: Mapping[TopicPartition, int]) -> None:
        """Write down how far each partition is behind."""
        now = self._clock.now()
        operations = [
            UpdateOne(
                {"_id": f"{partition.topic}/{partition.partition}"},
                {"$set": {"end": end, "lag": lags[partition], "reported_at": now}},
                upsert=True,
            )
            for partition, end in ends.items()
        ]
        if operations:
            self._reports.bulk_write(operations, ordered=False)
