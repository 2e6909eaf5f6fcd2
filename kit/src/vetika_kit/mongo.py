"""How a service reaches its own MongoDB."""

from typing import Any

from pymongo import MongoClient, WriteConcern
from pymongo.database import Database

from vetika_kit.config import ServiceConfig

Document = dict[str, Any]


def connection_name(config: ServiceConfig, *, service: str) -> str:
    """Return the name under which MongoDB shows the connections of a service's processes."""
    return f"vetika-{config.coalition}-{service}"


def connect(config: ServiceConfig, *, name: str) -> "MongoClient[Document]":
    """Open a client: times are aware, writes are acknowledged by a majority and its journal.

    To be called after a fork, once a process.

    Args:
        config: The service's settings.
        name: What MongoDB shows of the connection, see `connection_name`.
    """
    return MongoClient(
        config.mongodb_uri,
        appname=name,
        tz_aware=True,
        w="majority",
        journal=True,
        retryWrites=True,
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        socketTimeoutMS=30_000,
        maxPoolSize=64,
    )


def service_database(
    client: "MongoClient[Document]", *, coalition: str, service: str
) -> "Database[Document]":
    """Return the one database that a service owns."""
    return client.get_database(f"{coalition}_{service}", write_concern=WriteConcern(w="majority", j=True))
