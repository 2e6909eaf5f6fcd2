"""The archive: a header, the collections, by choice later changes, and an end that proves the whole.

A sequence of BSON documents, called frames, in this order::

    {kind: "header", format, service, coalition, version, cluster_time, taken_at, positions, streams}
    {kind: "collection", name, options, indexes}
    {kind: "documents", collection, documents: [...]}   about a mebibyte each, documents as they are stored
    {kind: "changes", changes: [...]}                   where a journal was joined (`changes.py`)
    {kind: "end", sha256, documents}                    of every byte before it

Without its end an archive is torn, however much of it is there.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import bson
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp

from vetika_kit.backup.errors import ArchiveError
from vetika_kit.backup.sealing import Reader

FORMAT: Final = 1
_LENGTH: Final = struct.Struct("<i")  # BSON begins with its own length
_LARGEST: Final = (
    64 * 1024 * 1024
)  # bytes of a frame; far above what is written, far below a machine's memory
_SMALLEST: Final = 5  # bytes of an empty document
_RAW: Final = CodecOptions(document_class=RawBSONDocument, tz_aware=True)
_DECODED: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True)

Frame = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Header:
    """What an archive says of itself."""

    service: str
    coalition: str
    version: str  # of the service that wrote it
    cluster_time: Timestamp  # of the database; all collections are as they were then
    taken_at: datetime
    positions: tuple[Mapping[str, Any], ...]  # next offset to read, by topic and partition
    # By topic: ``id``, Kafka's own, which a topic that is made anew does not get; ``ends``, by partition.
    streams: Mapping[str, Mapping[str, Any]]

    def frame(self) -> Frame:
        """Return the first frame."""
        return {
            "kind": "header",
            "format": FORMAT,
            "service": self.service,
            "coalition": self.coalition,
            "version": self.version,
            "cluster_time": self.cluster_time,
            "taken_at": self.taken_at,
            "positions": [dict(position) for position in self.positions],
            "streams": {topic: dict(state) for topic, state in self.streams.items()},
        }

    @classmethod
    def of(cls, frame: Frame) -> Self:
        """Read the first frame.

        Raises:
            ArchiveError: It is no header, or of a format that is newer than this code.
        """
        if frame.get("kind") != "header":
            raise ArchiveError("it is no archive of ours")
        if frame["format"] != FORMAT:
            raise ArchiveError(f"its format is {frame['format']}, and this version reads {FORMAT}")
        return cls(
            service=frame["service"],
            coalition=frame["coalition"],
            version=frame["version"],
            cluster_time=frame["cluster_time"],
            taken_at=frame["taken_at"],
            positions=tuple(frame["positions"]),
            streams=frame["streams"],
        )

    def check(self, *, service: str, coalition: str) -> None:
        """Refuse what is another service's or another coalition's.

        Raises:
            ArchiveError: It is.
        """
        if (self.service, self.coalition) != (service, coalition):
            raise ArchiveError(
                f"it is of {self.service} in the coalition {self.coalition}, "
                f"and this is {service} in {coalition}"
            )


def written(frames: Iterable[Frame]) -> Iterator[bytes]:
    """Return an archive's bytes: the frames and the end that proves them."""
    digest, documents = hashlib.sha256(), 0
    for frame in frames:
        documents += len(frame["documents"]) if frame["kind"] == "documents" else 0
        data = bson.encode(frame)
        digest.update(data)
        yield data
    yield bson.encode({"kind": "end", "sha256": digest.digest(), "documents": documents})


def read(source: Reader) -> Iterator[Frame]:
    """Return an archive's frames, without its end; stored documents stay as their bytes are.

    Whoever has read to the end of the iterator has a whole archive.

    Raises:
        ArchiveError: It is torn, damaged or no archive. What was returned before must not count then.
    """
    digest, documents = hashlib.sha256(), 0
    while True:
        data = _next(source)
        frame = _decoded(data)
        if frame["kind"] == "end":
            break
        documents += len(frame["documents"]) if frame["kind"] == "documents" else 0
        digest.update(data)
        yield frame
    if frame["sha256"] != digest.digest() or frame["documents"] != documents:
        raise ArchiveError("it is damaged: its checksum is another")
    if source.read(1):
        raise ArchiveError("it is damaged: something follows its end")


def _next(source: Reader) -> bytes:
    prefix = _exactly(source, _LENGTH.size)
    (length,) = _LENGTH.unpack(prefix)
    if not _SMALLEST <= length <= _LARGEST:
        raise ArchiveError("it is damaged or no archive of ours")
    return prefix + _exactly(source, length - _LENGTH.size)


def _exactly(source: Reader, size: int) -> bytes:
    parts = []
    while size:
        part = source.read(size)
        if not part:
            raise ArchiveError("it is torn: its end is missing")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _decoded(data: bytes) -> Frame:
    try:
        raw: Any = bson.decode(data, codec_options=_RAW)
        if raw["kind"] == "documents":
            return {name: raw[name] for name in ("kind", "collection", "documents")}
        return bson.decode(data, codec_options=_DECODED)
    except (InvalidBSON, KeyError, TypeError) as error:
        raise ArchiveError("it is damaged or no archive of ours") from error
