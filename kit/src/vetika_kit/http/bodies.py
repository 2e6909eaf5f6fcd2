"""Bodies: how large they may be, and what counts as JSON."""

import json
import math
from collections.abc import Callable
from typing import IO, Any, Final, NoReturn, TypeVar

from flask import Request, request

from vetika_kit.http.problems import Problem

DEFAULT_LIMIT: Final = 64 * 1024  # bytes; a registration is under 2 KiB, a forum in two languages under 20
HIGHEST_LIMIT: Final = 4 * 1024 * 1024  # bytes; 10,000 rows of participants are about 2 MiB
MAX_DEPTH: Final = 32  # no schema here is deeper than 6
_MAX_DIGITS: Final = 19  # MongoDB's integers have 64 bits
LIMIT: Final = "vetika_body_limit"  # a view's attribute

AnyView = TypeVar("AnyView", bound=Callable[..., Any])


def body_limit(size: int) -> Callable[[AnyView], AnyView]:
    """Let a route take bodies of up to ``size`` bytes instead of 64 KiB."""
    if not 0 <= size <= HIGHEST_LIMIT:
        raise ValueError(f"a body limit is between 0 and {HIGHEST_LIMIT} bytes")

    def decorate(view: AnyView) -> AnyView:
        setattr(view, LIMIT, size)
        return view

    return decorate


class _WholeBody:
    """A body as it comes in: not beyond what is allowed, and all of what was promised.

    werkzeug cuts a body of unknown length off at the limit, and takes one that ends before its length for
    whole. Half a list of people would be imported as if it were the list.
    """

    def __init__(self, stream: IO[bytes], *, limit: int, promised: int | None) -> None:
        self._stream = stream
        self._limit = limit
        self._promised = promised
        self._count = 0

    def read(self, size: int = -1) -> bytes:
        """Read on; a problem when there is too much, or not enough."""
        room = self._limit + 1 - self._count
        data = self._stream.read(room if size < 0 else min(size, room))
        self._count += len(data)
        if self._count > self._limit:
            raise too_large(self._limit)
        if not data and size and self._promised is not None and self._count < self._promised:
            raise Problem(400, "body-incomplete", "The body ended before its Content-Length.")
        return data


def check_size(incoming: Request, limit: int) -> None:
    """Refuse a body that is too large before it is read, or while it is read where its length is unknown."""
    environ = incoming.environ
    promised = incoming.content_length if environ.get("CONTENT_LENGTH") else None
    if promised is not None and promised > limit:
        raise too_large(limit)
    if promised or "HTTP_TRANSFER_ENCODING" in environ:
        incoming.max_content_length = limit + 1  # the byte too many is for us to refuse
        environ["wsgi.input"] = _WholeBody(environ["wsgi.input"], limit=limit, promised=promised)
    if environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise Problem(415, "unsupported-encoding", "Bodies must not be compressed.")


def too_large(limit: int) -> Problem:
    """Return a 413."""
    return Problem(413, "body-too-large", f"The body must not be larger than {limit} bytes.")


def read_json() -> Any:
    """Return the request's body, parsed strictly.

    Strictly: UTF-8, no duplicate keys, no NaN or infinity, no integer beyond 64 bits, no NUL and no lone
    surrogate in any text, at most 32 levels. All of these are legal somewhere and understood differently by
    the next program that reads the same text.

    Raises:
        Problem: 415 when it does not say that it is JSON, 400 when it is not.
    """
    incoming = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the proxy's own way to what it stands for
    if incoming.environ.get("CONTENT_TYPE") != "application/json":
        _check_type(incoming)
    return parse_json(incoming.get_data(cache=True))


def _check_type(incoming: Request) -> None:
    mimetype = incoming.mimetype
    if mimetype != "application/json" and not mimetype.endswith("+json"):
        raise Problem(415, "unsupported-content-type", "The body must be sent as application/json.")
    if incoming.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise Problem(415, "unsupported-content-type", "JSON must be sent in UTF-8.")


def parse_json(body: bytes) -> Any:
    """Parse JSON strictly, see `read_json`.

    Raises:
        Problem: 400.
    """
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise _broken("It is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise _broken(f"{error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise _broken(f"It is nested deeper than {MAX_DEPTH} levels.") from None
    # Few bodies have so many brackets or an escape that could hide something; only those are walked through.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH or b"\\u" in body:
        _walk(value)
    return value


def _broken(why: str) -> Problem:
    return Problem(400, "broken-json", f"The body is not acceptable JSON. {why}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _broken("A key is given twice in one object.")
    return found


def _constant(name: str) -> NoReturn:
    raise _broken(f"{name} is not a JSON number.")


def _integer(text: str) -> int:
    value = int(text) if len(text) <= _MAX_DIGITS + 1 else 1 << 64
    if not -(1 << 63) <= value < 1 << 63:
        raise _broken("An integer is beyond 64 bits.")
    return value


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _broken("A number is too large.")
    return value


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float
)


def _walk(value: Any) -> None:
    level, depth = [value], 0
    while level:
        inner: list[Any] = []
        nested = False
        for item in level:
            if isinstance(item, dict):
                nested = True
                inner.extend(item.keys())
                inner.extend(item.values())
            elif isinstance(item, list):
                nested = True
                inner.extend(item)
            elif isinstance(item, str):
                _check_text(item)
        depth += nested
        if depth > MAX_DEPTH:
            raise _broken(f"It is nested deeper than {MAX_DEPTH} levels.")
        level = inner


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _broken("A text holds a NUL character.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _broken("A text holds half of a surrogate pair.") from None
