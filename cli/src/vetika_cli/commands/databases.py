"""`vetika mongodb-setup`: what a service's MongoDB needs once, before the service can use it."""

import argparse
import time
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from vetika_cli.errors import UserError
from vetika_cli.installation import Installation

PATIENCE: Final = 120.0  # seconds for a server that is starting
POLL: Final = 0.5
_SECRETS: Final = Path("/run/secrets")

# MongoDB's error codes.
_USER_NOT_FOUND: Final = 11
_NOT_YET_INITIALIZED: Final = 94
# What passes while a server starts: AuthenticationFailed (its first user is being made), ShutdownInProgress,
# InterruptedAtShutdown, NotWritablePrimary, NotPrimaryNoSecondaryOk.
_FOR_NOW: Final = frozenset({18, 91, 11600, 10107, 13435})

Client = MongoClient[dict[str, Any]]


def setup(arguments: argparse.Namespace) -> int:
    """Make the replica set of one and the service's user; again it changes nothing but a new password."""
    service, host = arguments.service, arguments.host
    root_password = _secret(arguments.root_password or _SECRETS / "mongodb-root-password")
    password = _secret(arguments.password or _SECRETS / "mongodb-password")
    database = f"{Installation.current().coalition}_{service}"
    client: Client = MongoClient(
        host,
        username="root",
        password=root_password,
        directConnection=True,
        serverSelectionTimeoutMS=5_000,
    )
    with client:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                _become_replica_set(client, host=host)
                _grant(client, user=service, database=database, password=password)
                break
            except PyMongoError as error:
                if _is_final(error) or time.monotonic() > deadline:
                    raise UserError(f"MongoDB at {host} cannot be set up: {error}") from error
                time.sleep(POLL)
    print(f"ready     {host}: {service} reads and writes {database}, and nothing else")
    return 0


def _become_replica_set(client: Client, *, host: str) -> None:
    """Make a set of this one member, as transactions and change streams need; wait until it takes writes."""
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": host}]})
    if not client.admin.command("hello").get("isWritablePrimary"):
        raise AutoReconnect("it is not the primary yet")


def _grant(client: Client, *, user: str, database: str, password: str) -> None:
    roles = [{"role": "readWrite", "db": database}]
    try:
        client.admin.command("updateUser", user, pwd=password, roles=roles)
    except OperationFailure as error:
        if error.code != _USER_NOT_FOUND:
            raise
        client.admin.command("createUser", user, pwd=password, roles=roles)


def _is_final(error: PyMongoError) -> bool:
    return isinstance(error, OperationFailure) and error.code not in _FOR_NOW


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UserError(f"{path} cannot be read: `./vetika secrets` makes it.") from error
