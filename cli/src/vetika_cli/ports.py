"""Ports of this machine."""

import secrets
import socket
from typing import Final

LOOPBACK = "127.0.0.1"


# Below those that the system gives to outgoing connections (32768 and up on Linux): a port that a server
# leaves for a moment, to be started again, is not taken by some client meanwhile.
SERVER_PORTS: Final = range(20_000, 32_768)


def free_port() -> int:
    """A TCP port that was free a moment ago on the loopback interface, and that no client will be given."""
    while is_taken(port := secrets.choice(SERVER_PORTS)):
        pass
    return port


def is_taken(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether something already listens on `port` (or holds it so that a server could not bind it)."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT is free for them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def listens(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether a connection to `port` is accepted."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
