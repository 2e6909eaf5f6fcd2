"""Structured logs: one JSON object a line on stdout, with request and trace ids and without contact data."""

import json
import logging
import re
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import IO, Any, Final

from opentelemetry import trace

_BOUND: Final[ContextVar[Mapping[str, str] | None]] = ContextVar("vetika_log_fields", default=None)

# What a log record carries by itself; everything else on it came through `extra`.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_USUAL: Final = len(vars(logging.makeLogRecord({})))  # attributes of a record without extras

# Extras of these names are never shown, whatever they hold.
_SECRET_NAMES: Final = frozenset(
    {
        "address",
        "authorization",
        "contact",
        "cookie",
        "email",
        "family_name",
        "given_name",
        "key",
        "manage_key",
        "name_km",
        "password",
        "person",
        "phone",
        "recipient",
        "secret",
        "to",
        "token",
    }
)
_REDACTED: Final = "[redacted]"
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode

# The first alternative is kept as it is: ids, dates and times are full of digits that look like numbers
# to call. Phone numbers are those of Cambodia as people write them (012 345 678, ០១២ ៣៤៥ ៦៧៨, 855…) and
# any with a country code. \d takes Khmer digits too; Khmer has no spaces, so word boundaries say nothing.
_PERSONAL: Final = re.compile(
    r"""
    (?P<kept>
        (?<![0-9A-Za-z])
        (?: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}    # UUID
          | [0-9a-f]{16,64}(?<=[a-f0-9])(?=[^0-9A-Za-z]|$)(?<![0-9]{16})    # trace and span ids, digests
          | [0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?   # RFC 3339, log times
        )(?![0-9A-Za-z])
    )
    | (?P<mail> [^\s<>"'(),:;\[\]{}|@=/\\]{1,128} (?:@|%40) [^\s<>"'(),:;\[\]{}|@=/\\]{1,255} )
    | (?P<phone>
        (?<![0-9A-Za-z.])
        (?: (?:\+|%2[Bb])[ ]?\d | 00[1-9] | 855 | ៨៥៥ | \(?[0០]\d )
        (?: [ .\-/()\u00a0\u200b]{0,2} \d ){6,14}
        (?![0-9A-Za-z])
    )
    """,
    re.VERBOSE,
)
_MAY_BE_PERSONAL: Final = re.compile(r"@|%40|\d[^A-Za-z]{0,2}\d")


def redacted(text: str) -> str:
    """Return the text without e-mail addresses and phone numbers; ids, dates and times stay."""
    if not _MAY_BE_PERSONAL.search(text):
        return text
    return _PERSONAL.sub(lambda found: found[0] if found["kept"] else _REDACTED, text)


@lru_cache(maxsize=4)
def _second(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


def _clean(value: Any, *, name: str = "") -> Any:
    if name.lower() in _SECRET_NAMES:
        return _REDACTED if value is not None else None
    if isinstance(value, str):
        return redacted(value)
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, Mapping):
        return {redacted(str(key)): _clean(inner, name=str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    return redacted(str(value))


class bound:  # noqa: N801 - used like a function: `with bound(request_id=…):`
    """Puts fields (ids, never personal data) on every line that a block logs."""

    __slots__ = ("_fields", "_token")

    def __init__(self, **fields: str) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        outer = _BOUND.get()
        self._token = _BOUND.set({**outer, **self._fields} if outer else self._fields)

    def __exit__(self, *_: object) -> None:
        _BOUND.reset(self._token)


class JsonFormatter(logging.Formatter):
    """One line of JSON a record; contact data is taken out of whatever comes through."""

    def __init__(self, *, service: str, process: str) -> None:
        super().__init__()
        self._fixed = {"service": service, "process": process}

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        second = _second(int(record.created))
        line: dict[str, Any] = {
            "time": f"{second}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
            **self._fixed,
        }
        fields = _BOUND.get()
        if fields:
            line.update(fields)
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = f"{span.trace_id:032x}"
            line["span_id"] = f"{span.span_id:016x}"
        if len(record.__dict__) > _USUAL:
            for name, value in record.__dict__.items():
                if name not in _OWN:
                    line.setdefault(name, _clean(value, name=name))
        if record.exc_info:
            line["exception"] = redacted(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = redacted(record.stack_info)
        return _ENCODE(line)


def configure_logging(*, service: str, process: str, level: str, stream: IO[str] | None = None) -> None:
    """Send all logs of this process to stdout as JSON.

    Args:
        service: Name of the service, on every line.
        process: Kind of process (``api``, ``relay`` …), on every line.
        level: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``.
        stream: Where to instead of stdout.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(service=service, process=process))
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    # These tell of every heartbeat and rebalance below WARNING.
    for chatty in ("kafka", "pymongo", "urllib3"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
