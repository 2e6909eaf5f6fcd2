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
        self._topics = database["consumer_topics"]
        self._positions = database["positions"]
        self.group = group
        self._clock = clock

    @property
    def halted(self) -> bool:
        """Whether the group has stopped itself and nobody has resumed it yet."""
        found = self._states.find_one({"_id": self.group}, {"state": True})
        return found is not None and found["state"] == "halted"

    @property
    def reason(self) -> str | None:
        """Why the group has stopped itself."""
        found = self._states.find_one({"_id": self.group}, {"reason": True})
        return None if found is None else found.get("reason")

    @property
    def remedy(self) -> str | None:
        """The command that mends it, where there is one."""
        found = self._states.find_one({"_id": self.group}, {"remedy": True})
        return None if found is None else found.get("remedy")

    def halt(self, reason: str, *, remedy: str | None = None) -> None:
        """Stop the whole group until an operator resumes it.

        Args:
            reason: Why.
            remedy: The command that mends it, where there is one.
        """
        self._states.update_one(
            {"_id": self.group},
            {"$set": {"state": "halted", "reason": reason, "remedy": remedy, "at": self._clock.now()}},
            upsert=True,
        )

    def resume(self) -> bool:
        """Let the group go on; return whether it was halted."""
        result = self._states.update_one(
            {"_id": self.group, "state": "halted"},
            {"$set": {"state": "running", "reason": None, "remedy": None, "at": self._clock.now()}},
        )
        return result.modified_count == 1

    def is_same_topic(self, topic: str, id_: str | None) -> bool:
        """Tell whether a topic is the one that positions were counted in; where none were, it is from now.

        Args:
            topic: Its name.
            id_: Kafka's own id of it, which a topic that is made anew does not get again; None: not known.
        """
        if id_ is None:
            return True
        known = self._topics.find_one({"_id": topic})
        if known is None or (known["id"] != id_ and self._positions.find_one({"topic": topic}) is None):
            self._topics.replace_one({"_id": topic}, {"id": id_}, upsert=True)
            return True
        return bool(known["id"] == id_)

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
