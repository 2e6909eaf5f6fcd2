"""The files of a journal: blocks of changes, each written whole and synced before the next is begun.

A segment is a sequence of BSON documents. The first says whose it is and after which moment it begins; each
further one is a block, whose ``body`` is sealed on its own (`sealing.py`), or a mark, which says that nothing
had happened until then. What tears with a crash is the last block only, and that is cut off.

Segments of one ``chain`` follow each other without a hole; a new chain begins where one could not go on.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import bson
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.timestamp import Timestamp

from vetika_kit.backup.errors import ArchiveError

FORMAT: Final = 1
SUFFIX: Final = ".vetika-journal"
_LENGTH: Final = struct.Struct("<i")
_LARGEST: Final = 256 * 1024 * 1024
_DECODED: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True)

Block = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Head:
    """The first document of a segment."""

    service: str
    coalition: str
    chain: str
    after: Timestamp  # every change of the service's database after this moment is in the chain from here on
    resume: Mapping[str, Any] | None  # where the change stream is to be taken up if no block follows

    def document(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {"format": FORMAT, **vars(self)}

    @classmethod
    def of(cls, document: Mapping[str, Any], *, path: Path) -> Self:
        """Read it.

        Raises:
            ArchiveError: It is of another format.
        """
        if document.get("format") != FORMAT:
            raise ArchiveError(f"{path} is no journal that this version reads")
        return cls(**{name: document[name] for name in ("service", "coalition", "chain", "after", "resume")})


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One file, as far as it is whole."""

    path: Path
    number: int
    head: Head
    size: int  # bytes that are whole

    @classmethod
    def read(cls, path: Path, *, number: int) -> Self | None:
        """Look at a file; None where not even its head is whole."""
        with path.open("rb") as file:
            head = _next(file)
            if head is None:
                return None
            size = file.tell()
            while _next(file) is not None:
                size = file.tell()
        return cls(path=path, number=number, head=Head.of(head, path=path), size=size)

    def blocks(self) -> Iterator[Block]:
        """Return its blocks, without what is torn."""
        with self.path.open("rb") as file:
            _next(file)
            while (block := _next(file)) is not None:
                yield block


class SegmentWriter:
    """A segment that is being written."""

    def __init__(self, path: Path, head: Head) -> None:
        self.path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        self.append(head.document())
        sync_folder(path.parent)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    def append(self, document: Mapping[str, Any]) -> None:
        """Write a document and wait until the disk has it."""
        data = bson.encode(document)
        self._file.write(_LENGTH.pack(zlib.crc32(data) & 0x7FFFFFFF) + data)
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Be done."""
        self._file.close()


def prefix(*, coalition: str, service: str) -> str:
    """Return how the names of a service's segments begin."""
    return f"{coalition}-{service}-"


def segments(folder: Path, *, coalition: str, service: str) -> list[Segment]:
    """Return a service's segments in a folder, in their order."""
    begin = prefix(coalition=coalition, service=service)
    found = []
    for path in sorted(folder.glob(f"{begin}*{SUFFIX}")):
        number = path.name.removeprefix(begin).removesuffix(SUFFIX)
        if number.isdigit() and (segment := Segment.read(path, number=int(number))) is not None:
            found.append(segment)
    return found


def sync_folder(folder: Path) -> None:
    """Wait until the disk knows of a folder's new names."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _next(file: BinaryIO) -> dict[str, Any] | None:
    """Read a document; None at the end, and where what follows is torn."""
    start = file.read(2 * _LENGTH.size)
    if len(start) < 2 * _LENGTH.size:
        return None
    checksum, length = struct.unpack("<ii", start)
    if not _LENGTH.size < length <= _LARGEST:
        return None
    data = start[_LENGTH.size :] + file.read(length - _LENGTH.size)
    if len(data) < length or zlib.crc32(data) & 0x7FFFFFFF != checksum:
        return None
    try:
        return bson.decode(data, codec_options=_DECODED)
    except InvalidBSON:
        return None
