"""Hears what others told since a backup, before any process of a restored service answers anybody.

Else its API would give seats of a forum that was closed or made smaller meanwhile.
"""

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from vetika_kit.backup.errors import BackupError
from vetika_kit.backup.topics import TopicReader, TopicState, heard_topics
from vetika_kit.processes import make_worker

if TYPE_CHECKING:
    from vetika_kit.service import Context

_PATIENCE: Final = 120.0  # seconds without any movement
_LOOK: Final = 0.1  # seconds


def catch_up(context: "Context") -> str | None:
    """Let a worker handle what the service reads, as far as it is told now.

    Returns:
        Why it stopped itself before, or None.

    Raises:
        BackupError: It does not move any more.
        KafkaError: Kafka does not answer.
    """
    topics = heard_topics(context.service, coalition=context.config.coalition)
    if not topics:
        return None
    with TopicReader.open(context.config, topics=topics, client_id=context.name) as reader:
        states = {topic: reader.state(topic) for topic in topics}
    worker, stop = make_worker(context), threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,), name="hearing", daemon=True)
    thread.start()
    moved_at, before = time.monotonic(), -1
    try:
        while (owed := _owed(context, states)) and not worker.progress.halted:
            if owed != before:
                moved_at, before = time.monotonic(), owed
            if not thread.is_alive() or time.monotonic() - moved_at > _PATIENCE:
                raise BackupError(f"{owed} events wait and are not handled: look at the log above")
            time.sleep(_LOOK)
    finally:
        stop.set()
        thread.join()
    return worker.progress.reason


def _owed(context: "Context", states: Mapping[str, TopicState]) -> int:
    """Return how many events lie between the positions and the ends."""
    found = context.database["positions"].find()
    at = {(position["topic"], position["partition"]): position["offset"] for position in found}
    return sum(
        max(0, end - max(at.get((topic, number), 0), state.begins[number]))
        for topic, state in states.items()
        for number, end in state.ends.items()
    )
