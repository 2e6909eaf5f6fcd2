"""Requests that are no HTTP, or too much of it: answered as problems, and logged without what they held.

gunicorn answers them before any application sees them, in HTML that repeats the request, and logs the
caller's address with it. A path here may hold a person's key.
"""

import json
import logging
import os
import socket
from http import HTTPStatus
from typing import Any, Final

from gunicorn.http.errors import (
    ExpectationFailed,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import ThreadWorker

from vetika_kit.http.bodies import DEFAULT_LIMIT
from vetika_kit.http.problems import PROBLEM_TYPE

_logger: Final = logging.getLogger(__name__)
_BAD_REQUEST: Final = (400, "bad-request", "The request cannot be understood.")
_FAULT: Final = (500, "internal-error", "Something went wrong here.")
_KNOWN: Final = {
    LimitRequestLine: (414, "url-too-long", "The URL is too long."),
    LimitRequestHeaders: (431, "headers-too-large", "The headers are too many or too long."),
    ExpectationFailed: (417, "bad-request", "Only 100-continue can be expected."),
    UnsupportedTransferCoding: (501, "bad-request", "Only the transfer coding `chunked` is understood."),
    InvalidResponseHeader: _FAULT,
    InvalidResponseHeaderName: _FAULT,
}


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn publishes no types
    """gunicorn's worker with threads, with answers of ours."""

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Serve a request; after a body that may not be read to its end, the connection ends and says so.

        gunicorn promises to keep it, and breaks it when more than 64 KiB are left: the caller's next request
        on it would get no answer.
        """
        headers = dict(req.headers)
        length = headers.get("CONTENT-LENGTH", "0")
        if "TRANSFER-ENCODING" in headers or not length.isdecimal() or int(length) > DEFAULT_LIMIT:
            req.force_close()
        return bool(super().handle_request(req, conn))

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - gunicorn's signature
        """Answer what could not be served; gunicorn closes the connection after it."""
        otherwise = _BAD_REQUEST if isinstance(exc, ParseException) else _FAULT
        status, slug, detail = _KNOWN.get(type(exc), otherwise)
        instance = os.urandom(16).hex()
        logged = {"error": type(exc).__name__, "status": status, "request_id": instance}
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            _logger.error("a request failed outside of the application", exc_info=exc, extra=logged)
        else:
            _logger.info("a request could not be read", extra=logged)
        try:
            client.sendall(_answer(status, slug=slug, detail=detail, instance=instance))
        except OSError:
            _logger.debug("whoever sent it is gone")


def _answer(status: int, *, slug: str, detail: str, instance: str) -> bytes:
    title = HTTPStatus(status).phrase
    problem = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status} {title}\r\n"
        f"Connection: close\r\nContent-Type: {PROBLEM_TYPE}\r\nContent-Length: {len(body)}\r\n"
        f"X-Content-Type-Options: nosniff\r\nX-Request-Id: {instance}\r\n\r\n"
    )
    return head.encode() + body
