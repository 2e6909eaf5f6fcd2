"""What is wrong with an instance under a JSON Schema, in words for people."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker


def faults(instance: object, *, schema: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with ``instance`` under ``schema``, one readable line each."""
    validator = Draft202012Validator(dict(schema), format_checker=_FORMAT_CHECKER)
    found = sorted(validator.iter_errors(instance), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message}" for error in found]


_FORMAT_CHECKER: Final = FormatChecker(formats=("uuid", "email", "ipv4", "ipv6"))


@_FORMAT_CHECKER.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """RFC 3339 §5.6: a moment names its offset."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@_FORMAT_CHECKER.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


@_FORMAT_CHECKER.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)
