"""What a look found: good, worth a note, or bad enough to stop an upgrade."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What a finding means for an upgrade."""

    GOOD = "good"
    NOTE = "note"  # an operator should know; the upgrade may go on
    BAD = "bad"  # to be mended first


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of a report; no personal data."""

    level: Level
    about: str  # one word of what was looked at: outbox, topics, indexes, …
    what: str  # one sentence; of what is not good, with what to do


def good(about: str, what: str) -> Finding:
    """Say that something is as it must be."""
    return Finding(level=Level.GOOD, about=about, what=what)


def note(about: str, what: str) -> Finding:
    """Say what an operator should know."""
    return Finding(level=Level.NOTE, about=about, what=what)


def bad(about: str, what: str) -> Finding:
    """Say what stops an upgrade, and what to do."""
    return Finding(level=Level.BAD, about=about, what=what)
