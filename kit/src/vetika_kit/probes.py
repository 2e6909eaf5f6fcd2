"""Probes: a small HTTP server beside a relay, a worker or a sender, for supervisors and Prometheus."""

import json
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from vetika_kit.health import Health, readiness
from vetika_kit.looks import Look, Looks


class Probes:
    """Serves ``/livez``, ``/readyz`` and ``/metrics``."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        live: Callable[[], Health],
        ready: Callable[[], Health],
        looks: Iterable[Look] = (),
    ) -> None:
        """Listen; nothing is answered yet.

        Args:
            host: Address to listen on.
            port: 0 takes any that is free.
            live: Says no when a new start would help. Must touch nothing outside of the process.
            ready: Says whether the process does its work. Only one that lives is asked.
            looks: Taken each time before the metrics are shown.
        """
        shown = Looks(looks).shown

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                match self.path.partition("?")[0]:
                    case "/livez":
                        self._say(live())
                    case "/readyz":
                        self._say(readiness(live=live, ready=ready))
                    case "/metrics":
                        self._send(200, CONTENT_TYPE_LATEST, shown())
                    case _:
                        self._send(404, "text/plain", b"/livez, /readyz or /metrics\n")

            def _say(self, health: Health) -> None:
                body = {"status": "ok" if health.good else "failing", **health.details}
                self._send(200 if health.good else 503, "application/json", json.dumps(body).encode())

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
