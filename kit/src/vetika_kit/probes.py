"""Probes: a small HTTP server beside a relay, a worker or a sender, for supervisors and Prometheus."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST


@dataclass(frozen=True, kw_only=True)
class Health:
    """What a process says of itself."""

    live: bool  # comes round, and moves where there is something to move
    ready: bool
    details: dict[str, Any]  # for operators; nothing of a person


class Probes:
    """Serves ``/livez``, ``/readyz`` and ``/metrics``."""

    def __init__(self, *, host: str, port: int, health: Callable[[], Health]) -> None:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                match self.path.partition("?")[0]:
                    case "/livez":
                        state = health()
                        self._say(state.live, state.details)
                    case "/readyz":
                        state = health()
                        self._say(state.live and state.ready, state.details)
                    case "/metrics":
                        self._send(200, CONTENT_TYPE_LATEST, generate_latest())
                    case _:
                        self._send(404, "text/plain", b"/livez, /readyz or /metrics\n")

            def _say(self, good: bool, details: dict[str, Any]) -> None:  # noqa: FBT001 - private, called just above
                body = {"status": "ok" if good else "failing", **details}
                self._send(200 if good else 503, "application/json", json.dumps(body).encode())

            def _send(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                """Stay silent: a probe every few seconds is no news."""

        self._server = ThreadingHTTPServer((host, port), Answer)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="probes", daemon=True)

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
