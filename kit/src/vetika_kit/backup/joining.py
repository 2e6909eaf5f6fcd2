"""An archive and the journal after it, as one sequence of frames: the state at a later moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import bson
import pyrage
from bson.codec_options import CodecOptions
from bson.timestamp import Timestamp

from vetika_kit.backup import changes
from vetika_kit.backup.archive import Frame, Header
from vetika_kit.backup.errors import ArchiveError
from vetika_kit.backup.sealing import unsealed
from vetika_kit.backup.segments import Segment, segments

_LAST_OF_A_SECOND: Final = 0xFFFFFFFF
_DECODED: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True)


@dataclass(frozen=True, kw_only=True)
class JournalOf:
    """Where a journal is, and how much of it counts."""

    folder: Path
    identities: Sequence[pyrage.x25519.Identity] = ()
    until: datetime | None = None  # aware; the whole second counts

    @property
    def end(self) -> Timestamp | None:
        """The last moment that counts, or None: all."""
        return None if self.until is None else Timestamp(int(self.until.timestamp()), _LAST_OF_A_SECOND)


def joined(frames: Iterator[Frame], journal: JournalOf) -> Iterator[Frame]:
    """Return an archive's frames and behind them the changes that came after it.

    Raises:
        ArchiveError: The journal does not begin before the archive's moment, or has a hole.
    """
    first = next(frames, None)
    if first is None:
        raise ArchiveError("it is empty")
    header = Header.of(first)
    end = journal.end
    if end is not None and end < header.cluster_time:
        raise ArchiveError("the backup was made after the moment that you want back: take an older one")
    chain = _chain(journal, header)
    yield first
    yield from frames
    for block in _blocks(chain):
        if block["kind"] != "changes" or block["through"] <= header.cluster_time:
            continue
        data = unsealed(block["body"], identities=journal.identities)
        decoded = bson.decode(data, codec_options=_DECODED)
        wanted = [
            change
            for change in decoded["changes"]
            if header.cluster_time < changes.moment(change) and (end is None or changes.moment(change) <= end)
        ]
        if wanted:
            yield {"kind": "changes", "changes": wanted}
        if end is not None and block["through"] > end:
            return


def last_word(journal: JournalOf, *, service: str, coalition: str) -> datetime | None:
    """Return when the journal was last written to: what happened after that it does not know."""
    found = segments(journal.folder, coalition=coalition, service=service)
    written = [block["written_at"] for segment in found[-1:] for block in segment.blocks()]
    return written[-1] if written else None


def _chain(journal: JournalOf, header: Header) -> list[Segment]:
    """Return the segments that hold what came after an archive, in order."""
    found = segments(journal.folder, coalition=header.coalition, service=header.service)
    before = [segment for segment in found if segment.head.after <= header.cluster_time]
    if not before:
        raise ArchiveError(
            f"no journal of {header.service} in {journal.folder} begins before the backup: "
            "the journal must run when a backup is made"
        )
    first = before[-1]
    chain = [
        segment
        for segment in found
        if segment.head.chain == first.head.chain and segment.number >= first.number
    ]
    ended = next((block for block in _blocks(chain) if block["kind"] == "end"), None)
    if ended is not None and ended["through"] <= header.cluster_time:
        raise ArchiveError(f"the journal ended before the backup was made: {ended['why']}")
    return chain


def _blocks(chain: Sequence[Segment]) -> Iterator[Any]:
    through = chain[0].head.after
    for segment in chain:
        if segment.head.after != through:
            raise ArchiveError(f"the journal has a hole before {segment.path.name}: a file is missing")
        for block in segment.blocks():
            through = block["through"]
            yield block
