"""Failures of every kind as problems: nothing internal leaves the process."""

import logging
from typing import Final

from flask import Flask, Response, request
from marshmallow import ValidationError
from pymongo.errors import AutoReconnect, ConnectionFailure, PyMongoError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from vetika_kit.http.bodies import DEFAULT_LIMIT, too_large
from vetika_kit.http.exchanges import current_exchange
from vetika_kit.http.preconditions import stale_version
from vetika_kit.http.problems import Problem
from vetika_kit.http.validation import invalid_fields
from vetika_kit.outbox import StaleVersionError

RETRY_AFTER: Final = {"Retry-After": "2"}  # seconds; a new primary is elected in about as long
_CARRIED: Final = ("Allow", "Retry-After", "WWW-Authenticate", "Location")
_SLUGS: Final = {
    400: ("bad-request", "The request cannot be understood."),
    404: ("not-found", "There is nothing here."),
    405: ("method-not-allowed", "This method is not offered here."),
    413: ("body-too-large", "The body is too large."),
    414: ("url-too-long", "The URL is too long."),
    415: ("unsupported-content-type", "The body is of a type that is not accepted here."),
    429: ("too-many-requests", "Too many requests."),
}
_REDIRECTS: Final = range(300, 400)
_logger: Final = logging.getLogger(__name__)


def register_failure_handlers(app: Flask) -> None:
    """Answer every failure with a problem."""
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(ValidationError, _validation)
    app.register_error_handler(StaleVersionError, _stale)
    app.register_error_handler(PyMongoError, _database)
    app.register_error_handler(OverflowError, _overflow)
    app.register_error_handler(Exception, _unexpected)


def _problem(problem: Problem) -> Response:
    return problem.response()


def _http(error: HTTPException) -> Response | HTTPException:
    if error.code in _REDIRECTS:
        return error
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        return too_large(DEFAULT_LIMIT).response()
    messages = getattr(error, "data", {}).get("messages")  # webargs, of a stock flask-smorest blueprint
    if messages:
        location, inner = next(iter(messages.items()))
        return invalid_fields(inner, location=location).response()
    slug, detail = _SLUGS.get(status, (f"status-{status}", "The request cannot be served."))
    problem = Problem(status, slug, detail)
    for name, value in error.get_headers():
        if name in _CARRIED:
            problem.headers[name] = value
    return problem.response()


def _validation(error: ValidationError) -> Response:
    # From within a view rather than from its arguments: more often our own slip than the caller's.
    _logger.warning("a view let a validation error through", exc_info=error)
    return invalid_fields(error.messages).response()


def _stale(_error: StaleVersionError) -> Response:
    if "HTTP_IF_MATCH" in request.environ:  # it matched when it was looked at, and somebody was faster
        return stale_version().response()
    return Problem(
        409,
        "concurrent-change",
        "Somebody changed it at the same moment: read it again.",
        headers=RETRY_AFTER,
    ).response()


def _overflow(error: OverflowError) -> Response:
    # A schema that sets no range for a number that reaches the database: the caller's number, our slip.
    _logger.warning("a number was too large", exc_info=error)
    return Problem(422, "invalid-fields", "A number is too large.").response()


def _database(error: PyMongoError) -> Response:
    away = isinstance(error, AutoReconnect | ConnectionFailure) or error.timeout
    if not (away or error.has_error_label("TransientTransactionError")):
        return _unexpected(error)
    _logger.warning("the database does not answer", extra={"error": type(error).__name__})
    return database_away().response()


def database_away() -> Problem:
    """Return the 503 for a database that does not answer."""
    return Problem(
        503, "database-unavailable", "The database does not answer; try again shortly.", headers=RETRY_AFTER
    )


def _unexpected(error: Exception) -> Response:
    _logger.error("a request failed", exc_info=error)
    exchange = current_exchange()
    if exchange is not None:
        exchange.span.record_exception(error)
    return Problem(
        500, "internal-error", "Something went wrong here; the request's id helps to find out what."
    ).response()
