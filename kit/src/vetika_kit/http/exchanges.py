"""One request and its answer, seen from outside: id, trace, metrics, access log."""

import logging
import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from flask import has_request_context, request
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from vetika_kit.logs import bound
from vetika_kit.metrics import observe_request

EXCHANGE: Final = "vetika.exchange"  # where a request's WSGI environ holds it
_SANE_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_QUIET: Final = frozenset(
    {"/livez", "/readyz", "/metrics"}
)  # asked every few seconds; worth a line only on failure
_SERVER_ERROR: Final = 500
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_logger: Final = logging.getLogger("vetika.access")

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


@dataclass(slots=True)
class Exchange:
    """What is known of the request in hand."""

    request_id: str
    span: trace.Span
    route: str = "(none)"  # the route's template, never the path: paths carry keys of people
    status: int = 0


class ObservedExchanges:
    """WSGI middleware around the whole application.

    The request id comes from ``X-Request-Id`` when that is sane, so that a caller's logs and ours can be
    joined; it is sent back. The trace goes on from ``traceparent``. The access log holds neither path,
    query, address nor user agent: all of these can tell who somebody is. Every answer is hardened; a view
    that needs a softer header (a page with a style, a cacheable document) sets its own.
    """

    def __init__(self, app: WsgiApp, *, https: bool, prefix: str = "") -> None:
        """Wrap an application.

        Args:
            app: What answers.
            https: Whether callers come over TLS, so that they may be told to stay with it.
            prefix: The part of the public path that a gateway takes away; links in pages begin with it.
        """
        self._app = app
        self._prefix = prefix
        hardened = _SECURITY_HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if https else {})
        self._hardened = tuple((name.lower(), (name, value)) for name, value in hardened.items())
        self._tracer = (
            trace.get_tracer("vetika.http")
            if isinstance(trace.get_tracer_provider(), TracerProvider)
            else None
        )

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request on and observe it."""
        started = time.perf_counter()
        request_id = environ.get("HTTP_X_REQUEST_ID", "")
        if not _SANE_REQUEST_ID.fullmatch(request_id):
            request_id = os.urandom(16).hex()
        exchange = Exchange(request_id, self._span(environ))
        environ[EXCHANGE] = exchange
        environ["SCRIPT_NAME"] = self._prefix

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            exchange.status = int(status[:3])
            present = {name.lower() for name, _ in headers}
            headers.extend(pair for name, pair in self._hardened if name not in present)
            headers.append(("X-Request-Id", request_id))
            return start_response(status, headers, *rest)

        token = attach(trace.set_span_in_context(exchange.span))
        try:
            with bound(request_id=request_id):
                try:
                    return self._app(environ, start)
                finally:
                    self._finish(exchange, environ["REQUEST_METHOD"], time.perf_counter() - started)
        finally:
            detach(token)

    def _span(self, environ: dict[str, Any]) -> trace.Span:
        incoming = environ.get("HTTP_TRACEPARENT")
        parent = (
            _PROPAGATOR.extract(
                {"traceparent": incoming, "tracestate": environ.get("HTTP_TRACESTATE", "")}
                if "HTTP_TRACESTATE" in environ
                else {"traceparent": incoming}
            )
            if incoming
            else None
        )
        if self._tracer is not None:
            return self._tracer.start_span(
                environ["REQUEST_METHOD"], context=parent, kind=trace.SpanKind.SERVER
            )
        # Nobody collects spans: a context of our own is all that logs and events need, and costs little.
        known = trace.get_current_span(parent).get_span_context() if parent is not None else None
        fresh = os.urandom(24)
        return trace.NonRecordingSpan(
            trace.SpanContext(
                trace_id=known.trace_id
                if known and known.is_valid
                else int.from_bytes(fresh[:16], "big") or 1,
                span_id=int.from_bytes(fresh[16:], "big") or 1,
                is_remote=False,
                trace_flags=known.trace_flags if known and known.is_valid else trace.TraceFlags(0),
                trace_state=known.trace_state if known and known.is_valid else None,
            )
        )

    def _finish(self, exchange: Exchange, method: str, seconds: float) -> None:
        status = exchange.status or _SERVER_ERROR
        observe_request(route=exchange.route, method=method, status=status, seconds=seconds)
        span = exchange.span
        if span.is_recording():
            span.update_name(f"{method} {exchange.route}")
            span.set_attribute("http.route", exchange.route)
            span.set_attribute("http.request.method", method)
            span.set_attribute("http.response.status_code", status)
            if status >= _SERVER_ERROR:
                span.set_status(trace.StatusCode.ERROR)
        span.end()
        if status >= _SERVER_ERROR:
            level = logging.WARNING
        else:
            level = logging.DEBUG if exchange.route in _QUIET else logging.INFO
        if _logger.isEnabledFor(level):
            fields = {
                "method": method if len(method) < 16 else "(long)",  # noqa: PLR2004 - no method is longer
                "route": exchange.route,
                "status": status,
                "milliseconds": round(seconds * 1000, 2),
            }
            # Made by hand: looking for the calling line would cost more than the rest.
            _logger.handle(_logger.makeRecord(_logger.name, level, "", 0, "request", (), None, extra=fields))


def current_exchange() -> Exchange | None:
    """Return the exchange in hand; None outside of the middleware."""
    return request.environ.get(EXCHANGE) if has_request_context() else None


def current_request_id() -> str:
    """Return the id of the request in hand; empty outside of one."""
    exchange = current_exchange()
    return exchange.request_id if exchange else ""
