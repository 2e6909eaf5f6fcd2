"""Replay: dead letters that an operator wants to take effect after all."""

import logging
import traceback
from types import SimpleNamespace

from marshmallow import ValidationError
from pymongo.database import Database

from vetika_kit.clock import Clock
from vetika_kit.cloudevents import UnreadableEventError
from vetika_kit.dead_letters import headers_of
from vetika_kit.inbox import Inbox, is_transient
from vetika_kit.intake import Intake, event_key
from vetika_kit.mongo import Document

logger = logging.getLogger(__name__)


class Replay:
    """Takes up the letters whose replay was asked for, through the same inbox as any event."""

    def __init__(
        self,
        database: "Database[Document]",
        *,
        inbox: Inbox,
        intake: Intake,
        clock: Clock,
        at_once: int = 100,
    ) -> None:
        self._letters = database["dead_letters"]
        self._inbox = inbox
        self._intake = intake
        self._clock = clock
        self._at_once = at_once

    def run(self) -> int:
        """Replay what was asked for, oldest first; return how many took effect.

        Raises:
            PyMongoError: The database is away; the rest waits.
        """
        waiting = self._letters.find({"state": "replay_requested"}).sort("_id").limit(self._at_once)
        return sum(self._replay(letter) for letter in waiting)

    def _replay(self, letter: Document) -> bool:
        try:
            return self._take_effect(letter)
        except (UnreadableEventError, ValidationError) as error:
            self._still_dead(letter, error)
        except Exception as error:
            if is_transient(error):
                raise
            self._still_dead(letter, error)
        return False

    def _take_effect(self, letter: Document) -> bool:
        record = SimpleNamespace(
            topic=letter["topic"],
            partition=letter["partition"],
            offset=letter["offset"],
            key=letter["key"].encode(),
            value=None if letter["value"] is None else bytes(letter["value"]),
            headers=headers_of(letter),
        )
        found = self._intake.read(record)
        if found is None:
            raise UnreadableEventError("is of a type that this service does not read")
        event, handler = found
        replayed = self._inbox.in_effect(
            event_key(event),
            lambda unit: self._intake.handle(event, handler, stores=self._intake.stores(unit)),
            letter=letter["_id"],
            outcome={"state": "replayed", "replayed_at": self._clock.now()},
        )
        if replayed:
            logger.info("dead letter %s has taken effect", letter["_id"])
        return replayed

    def _still_dead(self, letter: Document, error: Exception) -> None:
        logger.error("dead letter %s failed again: %s", letter["_id"], type(error).__name__)
        self._letters.update_one(
            {"_id": letter["_id"], "state": "replay_requested"},
            {
                "$set": {
                    "state": "dead",
                    "error": f"{type(error).__name__}: {error}",
                    "stack": "".join(traceback.format_exception(error)),
                    "failed_at": self._clock.now(),
                },
                "$inc": {"attempts": 1},
            },
        )
