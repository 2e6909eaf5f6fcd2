"""Serving a Flask application beside something else in one process."""

import logging
import threading
from http import HTTPStatus
from typing import Final

from flask import Flask, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from vetika_cli.ports import LOOPBACK

NOTHING_RUNS: Final = {  # pages show what strangers wrote
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, as the services' clients expect


class WebServer:
    """Answers on a port of the loopback interface, a thread per connection."""

    def __init__(self, app: Flask, *, port: int, host: str = LOOPBACK) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per request would hold addresses
        app.add_url_rule("/readyz", view_func=_ready)
        app.after_request(_protect)
        self._server = make_server(host, port, app, threaded=True, request_handler=_Handler)
        self._server.daemon_threads = True  # type: ignore[attr-defined]  # the threaded kind has it
        self._thread = threading.Thread(target=self._server.serve_forever, name="web", daemon=True)

    @property
    def port(self) -> int:
        """The port in use."""
        return self._server.port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _ready() -> tuple[str, int]:
    return "ok\n", HTTPStatus.OK


def _protect(response: Response) -> Response:
    for name, value in NOTHING_RUNS.items():
        response.headers.setdefault(name, value)
    return response
