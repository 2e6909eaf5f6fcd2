"""How a service reaches its own MongoDB."""

from typing import Any

from pymongo import MongoClient, WriteConcern
from pymongo.database import Database

from vetika_kit.config import ServiceConfig

Document = dict[str, Any]


def connect(config: ServiceConfig) -> "MongoClient[Document]":
    """Open a client: times are aware, writes are acknowledged by a majority and its journal.

    To be called after a fork, once a process.
    """
    return MongoClient(
        config.mongodb_uri,
        appname=f"vetika-{config.coalition}",
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
