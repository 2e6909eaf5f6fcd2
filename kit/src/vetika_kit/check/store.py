"""What a service's database says about an upgrade: halts, dead letters, what waits, migrations, room."""

from collections.abc import Iterator
from typing import Final

from pymongo.errors import OperationFailure

from vetika_kit.check.findings import Finding, bad, good, note
from vetika_kit.check.room import room_told
from vetika_kit.migrations import COUNTED, Standing, standings
from vetika_kit.outboxes import oldest_waiting
from vetika_kit.service import Context
from vetika_kit.topics import Topics

OLDEST_EVENT: Final = 60.0  # seconds: a relay that lives needs a fraction of one


def halts(context: Context) -> Iterator[Finding]:
    """A halted group has met something that an upgrade alone does not mend."""
    group = Topics(coalition=context.config.coalition).group(context.service.name)
    state = context.database["consumer_state"].find_one({"_id": group})
    if state is not None and state["state"] == "halted":
        yield bad("workers", f"the group {group} is halted ({state['reason']}): mend the cause and resume it")
    else:
        yield good("workers", "no group is halted")


def dead_letters(context: Context) -> Iterator[Finding]:
    """Letters stay readable for every version, but their stacks are those of the version that made them."""
    waiting = context.database["dead_letters"].count_documents(
        {"state": {"$in": ["dead", "replay_requested"]}}
    )
    if waiting:
        yield note(
            "dead letters", f"{waiting} wait for a decision: replay or discard them (/admin/dead-letters)"
        )
    else:
        yield good("dead letters", "none waits")


def outbox(context: Context) -> Iterator[Finding]:
    """Events that do not leave now will not leave while processes are replaced either."""
    oldest = oldest_waiting(context.database, context.service.outboxes, clock=context.clock) or 0.0
    if oldest > OLDEST_EVENT:
        yield bad(
            "outbox", f"the oldest event has waited {oldest:.0f} s for Kafka: see that a relay publishes"
        )
    else:
        yield good("outbox", "events leave")


def migrations(context: Context) -> Iterator[Finding]:
    """Pending ones run beside the work; unknown ones tell that this code is older than the data."""
    found = [
        finding for one in standings(context.database, context.service.migrations) for finding in _told(one)
    ]
    yield from found or [good("migrations", "none is pending")]


def _told(one: Standing) -> Iterator[Finding]:
    left = f"{'at least ' if one.left == COUNTED else ''}{one.left} documents of the old form"
    if one.state == "unknown":
        yield note(
            "migrations",
            f"{one.name} was made by a newer version: this one bears it if it is the version just before",
        )
    elif one.state != "done":
        yield note(
            "migrations", f"{one.name} is {one.state}, {left}; workers apply it while they run: {one.doc}"
        )
    elif one.left:
        yield note(
            "migrations",
            f"{one.name} is done, but a process of an older version has written {left} since: replace it",
        )


def room(context: Context) -> Iterator[Finding]:
    """The disk of the database, as MongoDB sees it."""
    try:
        stats = context.database.command("dbStats")
    except OperationFailure:
        yield note("disk", "MongoDB does not let this user ask for the free disk: look yourself")
        return
    total = stats["fsTotalSize"]
    yield room_told(free=total - stats["fsUsedSize"], total=total, where="MongoDB keeps its data")
