"""A backup: every collection as it was at one moment, while the service goes on.

The topics' ends are read before the moment is chosen: what lies before them has taken effect in the
snapshot already, and what is read twice is told apart by its sequence.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from kafka.errors import KafkaError
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import OperationFailure

from vetika_kit.backup import upkeep
from vetika_kit.backup.archive import Frame, Header
from vetika_kit.backup.errors import BackupError
from vetika_kit.backup.topics import TopicReader, heard_topics, own_topics
from vetika_kit.mongo import Document

if TYPE_CHECKING:
    from vetika_kit.service import Context

logger = logging.getLogger(__name__)

_BYTES: Final = 1024 * 1024  # of documents in a frame
_RAW: Final = CodecOptions(document_class=RawBSONDocument)
_UNAVAILABLE: Final = 246  # MongoDB's SnapshotUnavailable: a collection was changed in kind just now
_TOO_OLD: Final = 239  # MongoDB's SnapshotTooOld
_PATIENCE: Final = 10.0  # seconds
_PAUSE: Final = 0.2  # seconds


def snapshot(context: "Context") -> Iterator[Frame]:
    """Return the frames of a backup of the service's database.

    Raises:
        BackupError: A restore is under way, or the backup took longer than MongoDB remembers a moment.
    """
    database = context.database
    if (work := upkeep.unfinished(database)) is not None:
        raise BackupError(f"a {work} of this database is not complete: run it again before a backup")
    streams = _streams(context)
    names = upkeep.collections(database)
    infos = {info["name"]: info for info in database.list_collections()}
    try:
        with _moment(database, names) as session:
            positions = list(database["positions"].find({}, session=session))
            yield Header(
                service=context.service.name,
                coalition=context.config.coalition,
                version=context.service.version,
                cluster_time=_moment_of(session),
                taken_at=context.clock.now(),
                positions=tuple(positions),
                streams=streams,
            ).frame()
            for name in names:
                yield {
                    "kind": "collection",
                    "name": name,
                    "options": infos[name].get("options", {}),
                    "indexes": [dict(index) for index in database[name].list_indexes()],
                }
                yield from _documents(database, name, session=session)
    except OperationFailure as error:
        if error.code == _TOO_OLD:
            raise BackupError(
                "MongoDB forgot the moment of the backup before it was all read: raise its parameter "
                "minSnapshotHistoryWindowInSeconds (300 by default)"
            ) from error
        raise


def _documents(database: "Database[Document]", name: str, *, session: ClientSession) -> Iterator[Frame]:
    collection: Any = database.get_collection(name, codec_options=_RAW)
    batch: list[RawBSONDocument] = []
    size = 0
    for document in collection.find({}, session=session, batch_size=1000):
        batch.append(document)
        size += len(document.raw)
        if size >= _BYTES:
            yield {"kind": "documents", "collection": name, "documents": batch}
            batch, size = [], 0
    if batch:
        yield {"kind": "documents", "collection": name, "documents": batch}


@contextmanager
def _moment(database: "Database[Document]", names: list[str]) -> Iterator[ClientSession]:
    """Choose a moment at which every collection can be read.

    An index that was made in the last instants keeps its collection from being read as of before; then
    another moment is chosen.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        with database.client.start_session(snapshot=True) as session:
            try:
                for name in ["positions", *names]:
                    database[name].find_one({}, {"_id": True}, session=session)
            except OperationFailure as error:
                if error.code != _UNAVAILABLE or time.monotonic() > deadline:
                    raise
            else:
                yield session
                return
        time.sleep(_PAUSE)


def _moment_of(session: ClientSession) -> Timestamp:
    chosen: Any = session._snapshot_time  # noqa: SLF001 - PyMongo shows it in no other way
    if not isinstance(chosen, Timestamp):
        raise BackupError("MongoDB did not say which moment it shows: it must be a replica set")
    return chosen


def _streams(context: "Context") -> dict[str, dict[str, Any]]:
    """Return where the service's topics end; nothing while Kafka is away, for then they are read whole."""
    service, config = context.service, context.config
    names = [
        *own_topics(service, coalition=config.coalition),
        *heard_topics(service, coalition=config.coalition),
    ]
    try:
        with TopicReader.open(config, topics=names, client_id=context.name) as reader:
            return {name: reader.state(name).kept() for name in names}
    except KafkaError as error:
        logger.warning("the backup does not know where topics end: Kafka: %s", type(error).__name__)
        return {}
