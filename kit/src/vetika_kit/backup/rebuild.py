"""Rebuild: copies are made again from what Kafka holds, where going on would leave a hole.

By default only the partitions go back whose log no longer holds what comes next: what they hold from its
beginning on was never handled here, so nothing is done twice. With ``everything``, all that is kept is read
again; before that the service takes back its own aggregates, so that what it did once (a message sent) is
known as done.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vetika_kit.backup import upkeep
from vetika_kit.backup.errors import BackupError
from vetika_kit.backup.own_stream import OwnStream
from vetika_kit.backup.topics import TopicReader, TopicState, heard_topics
from vetika_kit.consumer_state import ConsumerState
from vetika_kit.mongo import Document
from vetika_kit.topics import Topics

if TYPE_CHECKING:
    from vetika_kit.service import Context

logger = logging.getLogger(__name__)

WORK: Final = "rebuild"


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A partition whose log does not hold what comes next."""

    id: str  # of the position
    offset: int  # that came next
    begin: int
    end: int

    @property
    def missed(self) -> int | None:
        """Events that nobody has any more; None: the topic was made anew, and nobody knows."""
        return self.begin - self.offset if self.offset < self.begin else None


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What came of a rebuild."""

    lost: Sequence[Lost]
    read_again: int  # partitions that are read again from their beginning
    taken_back: Mapping[str, int]


class Rebuild:
    """One rebuild of one service's copies."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._database = context.database
        self._state = ConsumerState(
            context.database,
            group=Topics(coalition=context.config.coalition).group(context.service.name),
            clock=context.clock,
        )

    def run(self, *, everything: bool = False) -> Rebuilt:
        """Let the worker begin again where it must; again changes nothing more.

        Args:
            everything: Whether all partitions are to be read again, and the own topics before.

        Raises:
            BackupError: A restore is under way.
            KafkaError: Kafka does not answer; the same again completes it.
        """
        if upkeep.facts_of(self._database, "restore") is not None:
            raise BackupError("a restore of this database is not complete: run it again first")
        context = self._context
        before = upkeep.facts_of(self._database, WORK)
        everything = everything or bool(before and before["everything"])
        upkeep.begin(self._database, WORK, everything=everything)
        topics = heard_topics(context.service, coalition=context.config.coalition)
        with TopicReader.open(context.config, topics=topics, client_id=context.name) as reader:
            states = {topic: reader.state(topic) for topic in topics}
        lost = self._lost(states)
        taken_back: Mapping[str, int] = {}
        if everything and context.service.recovery is not None:
            taken_back = OwnStream(context, context.service.recovery, streams={}).recover()
        positions = self._database["positions"]
        if everything:
            self._database["inbox"].delete_many({})
            again = positions.delete_many({}).deleted_count
        else:
            again = positions.delete_many({"_id": {"$in": [one.id for one in lost]}}).deleted_count
        for topic, state in states.items():
            if state.id:
                self._database["consumer_topics"].replace_one({"_id": topic}, {"id": state.id}, upsert=True)
        if everything or lost or self._state.remedy is not None:  # else it was halted for another reason
            self._state.resume()
        upkeep.end(self._database, WORK)
        return Rebuilt(lost=lost, read_again=again, taken_back=taken_back)

    def _lost(self, states: Mapping[str, TopicState]) -> list[Lost]:
        known = {found["_id"]: found["id"] for found in self._database["consumer_topics"].find()}
        return [
            Lost(id=position["_id"], offset=offset, begin=begin, end=end)
            for position in self._database["positions"].find().sort("_id", 1)
            if (place := _place(position, states)) is not None
            for offset, begin, end in [place]
            if not begin <= offset <= end
            or known.get(position["topic"], states[position["topic"]].id) != states[position["topic"]].id
        ]


def _place(position: Document, states: Mapping[str, TopicState]) -> tuple[int, int, int] | None:
    """Return a position's offset and where its log begins and ends; None where there is no such topic now."""
    state = states.get(position["topic"])
    if state is None or position["partition"] not in state.ends:
        return None
    return position["offset"], state.begins[position["partition"]], state.ends[position["partition"]]
