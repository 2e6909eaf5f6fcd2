"""What is wrong with a row of a list, in words that a person can mend it by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Reason(StrEnum):
    """Why a row was not taken; the texts for people are in `messages/`."""

    BROKEN_QUOTES = "broken_quotes"
    WRONG_CELL_COUNT = "wrong_cell_count"
    NOT_UTF8 = "not_utf8"
    CONTROL_CHARACTER = "control_character"
    FORMULA = "formula"
    MISSING = "missing"
    TOO_LONG = "too_long"
    UNKNOWN_VALUE = "unknown_value"
    INVALID_EMAIL = "invalid_email"
    INVALID_PHONE = "invalid_phone"
    NO_ADDRESS = "no_address"
    CHANNEL_WITHOUT_ADDRESS = "channel_without_address"
    DUPLICATE_IN_FILE = "duplicate_in_file"
    ALREADY_REGISTERED = "already_registered"
    REGISTRATION_CLOSED = "registration_closed"
    WAITLIST_FULL = "waitlist_full"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong with one row. It repeats no value: a report is not a second list of people."""

    line: int  # of the file, as an editor counts; where the row begins
    column: str | None
    reason: Reason
    details: Mapping[str, str | int] = field(default_factory=dict)
