"""``Idempotency-Key``: a POST that is sent again gives the answer that it gave, and takes effect once.

A claim is inserted before the view runs and turned into the stored answer after it: two small writes when
the header is there, none when it is not. Both are acknowledged by the primary's memory alone (w=1, no
journal). That is safe because the claim only saves work: a view makes its effect itself idempotent by using
`request_id_for` as the ``_id`` of what it inserts. If a crash loses the claim, the retry runs again, meets
the same ``_id``, and changes nothing.

A view that must be fast keeps the answer with its effect and does without both writes: see
`idempotent_by_effect`.
"""

import hashlib
import logging
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from flask import Response, after_this_request, current_app, request
from marshmallow import ValidationError
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException

from vetika_kit.http.access import IDEMPOTENT, principal
from vetika_kit.http.blueprint import HEADERS
from vetika_kit.http.context import current_runtime
from vetika_kit.http.idempotency_keys import REPLAYED, Answer, IdempotencyKeys, reused
from vetika_kit.http.preconditions import apply_etag
from vetika_kit.http.problems import Problem
from vetika_kit.ids import derived_id, new_id

P = ParamSpec("P")
R = TypeVar("R")

_LONGEST_KEY: Final = 255
_LARGEST_ANSWER: Final = 8 * 1024 * 1024  # bytes; half of what a MongoDB document may hold
_HEADERS: Final = ("Content-Type", "Location", "ETag", "WWW-Authenticate")
_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429
_logger: Final = logging.getLogger(__name__)


def idempotent(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Honour ``Idempotency-Key`` on a POST; stands below ``@access``.

    Answers below 500 are kept for 48 hours and given again, with ``Idempotency-Replayed: true``. A 5xx or 429
    is not kept: trying again is what the caller should do. Keys of different callers do not meet.
    Anonymous callers share one space; there body, query and the headers that the view reads must be the same
    to the byte, so nobody learns anything from an answer but who had sent it.
    """
    headers: tuple[str, ...] = getattr(view, HEADERS, ())

    @wraps(view)
    def once(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        key = _key()
        if key is None:
            return view(*args, **kwargs)
        keys = current_runtime().idempotency_keys
        scope = hashlib.sha256(
            f"{principal().subject}\0{request.method}\0{request.path}\0{key}".encode()
        ).digest()
        known = keys.claim(scope, body=_digest(headers))
        if known is not None:
            return known.response()
        try:
            response = _run(view, *args, **kwargs)
        except BaseException:
            _release(keys, scope)
            raise
        if response.status_code >= _SERVER_ERROR or response.status_code == _TOO_MANY:
            _release(keys, scope)
        else:
            _keep(keys, scope, response)
        return response

    setattr(once, IDEMPOTENT, True)
    return once


def idempotent_by_effect(view: Callable[P, R]) -> Callable[P, R]:
    """Honour ``Idempotency-Key`` on a POST whose effect remembers its request; stands below ``@access``.

    The view gives what it creates the ``_id`` of `request_id_for` and keeps `request_fingerprint` in it.
    Where it meets that ``_id`` again it calls `answer_again`, and gives the answer that it gave. Nothing is
    written but the effect. A refusal took no effect and is not kept: sent again, it is judged anew.
    """

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        _key()
        return view(*args, **kwargs)

    setattr(checked, IDEMPOTENT, True)
    return checked


def request_fingerprint() -> str | None:
    """Return what tells this request from another one under the same key; None without a key."""
    return None if _key() is None else _digest().hex()


def answer_again(*, kept: str | None) -> None:
    """Say that the answer is a repetition.

    Args:
        kept: The fingerprint that was kept with the effect.

    Raises:
        Problem: 422, this request is not the one that had the effect.
    """
    if kept is None or kept != request_fingerprint():
        raise reused()
    after_this_request(_say_repeated)


def request_id_for(*scope: str) -> str:
    """Return the ``_id`` for what this request creates.

    With an ``Idempotency-Key`` it is derived from caller, method, path, key and ``scope``, so a retry after a
    crash meets the same ``_id``; without one it is new.
    """
    key = _key()
    if key is None:
        return new_id()
    return derived_id("request", principal().subject, request.method, request.path, key, *scope)


def _key() -> str | None:
    key: str | None = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Problem(
            422,
            "invalid-parameters",
            "Some parameters break a rule.",
            errors=[
                {"parameter": "Idempotency-Key", "detail": "Must be 1 to 255 printable ASCII characters."}
            ],
        )
    return key


def _digest(headers: tuple[str, ...] = ()) -> bytes:
    digest = hashlib.sha256(request.get_data(cache=True))
    digest.update(b"\0" + request.environ.get("CONTENT_TYPE", "").encode("utf-8", "replace"))
    digest.update(b"\0" + request.query_string)
    for name in headers:  # a credential among them must not be left out
        digest.update(b"\0" + request.headers.get(name, "").encode("utf-8", "replace"))
    return digest.digest()


def _run(view: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Response:
    try:
        response = current_app.make_response(view(*args, **kwargs))  # type: ignore[arg-type] # what views return
    except (Problem, HTTPException, ValidationError) as error:
        # A refusal is an answer too, and the same request must get the same one.
        response = current_app.make_response(current_app.handle_user_exception(error))
    apply_etag(response)
    return response


def _keep(keys: IdempotencyKeys, scope: bytes, response: Response) -> None:
    if response.is_streamed or (response.content_length or 0) > _LARGEST_ANSWER:
        _release(keys, scope)
        return
    headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
    try:
        keys.answer(scope, Answer(response.status_code, headers, response.get_data()))
    except PyMongoError as error:
        # The effect is there and the caller must learn it; the claim's lease ends by itself.
        _logger.warning("an answer could not be kept", extra={"error": type(error).__name__})


def _release(keys: IdempotencyKeys, scope: bytes) -> None:
    try:
        keys.release(scope)
    except PyMongoError as error:
        _logger.warning("a claim could not be released", extra={"error": type(error).__name__})


def _say_repeated(response: Response) -> Response:
    response.headers[REPLAYED] = "true"
    return response
