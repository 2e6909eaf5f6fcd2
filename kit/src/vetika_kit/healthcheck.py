"""A container's health check: ``python -I -m vetika_kit.healthcheck [PATH]``.

It runs every few seconds beside every process, so it imports nothing but what it takes to ask over a
socket: 20 ms of CPU a run, where `http.client` alone would add ten.
"""

import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

DEFAULT_PORT: Final = 8000
TIMEOUT: Final = 4.0  # seconds for all of it; a supervisor's own limit should lie above
_LONGEST: Final = 3_000  # characters shown: Docker keeps the first 4096 bytes of what a check says


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Ask the process beside how it is; print its answer in one line.

    The first argument is the path, ``/readyz`` without one. The port is ``VETIKA_PROBE_PORT``, or 8000 where
    it is not set: in an image every kind of process answers on the same.

    Returns:
        The exit status that Docker asks for: 0 when the answer is 200, 1 otherwise.
    """
    argv = sys.argv[1:] if argv is None else argv
    environ = os.environ if environ is None else environ
    path = argv[0] if argv else "/readyz"
    try:
        port = int(environ.get("VETIKA_PROBE_PORT") or DEFAULT_PORT)
        status, body = _ask(port, path)
    except (OSError, ValueError, OverflowError) as error:
        print(f"no answer at {path}: {error}")  # noqa: T201 - the supervisor reads it here
        return 1
    print(" ".join(body.split())[:_LONGEST])  # noqa: T201 - the supervisor reads it here
    return 0 if status == 200 else 1  # noqa: PLR2004 - OK, without importing the names of all statuses


def _ask(port: int, path: str) -> tuple[int, str]:
    """Return the status and the body of the answer.

    Raises:
        OSError: Nobody answers, or not in time.
        ValueError: What came is no answer.
    """
    end = time.monotonic() + TIMEOUT
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        # HTTP/1.0: the answer comes in one piece and ends with the connection.
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            connection.settimeout(left)
            piece = connection.recv(65536)
            if not piece:
                break
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):  # noqa: PLR2004 - version and status
        raise ValueError("the answer is not HTTP")
    return int(words[1]), body.decode("utf-8", "replace")


if __name__ == "__main__":
    sys.exit(main())
