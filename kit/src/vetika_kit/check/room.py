"""How much room a server must have on its disk before an upgrade."""

from typing import Final

from vetika_kit.check.findings import Finding, bad, good, note

LEAST_ROOM: Final = (
    1 << 30
)  # bytes: an index build, a migration or a few days of events must not fill the disk
SCARCE_ROOM: Final = 0.1  # of the disk
_GIB: Final = 1 << 30


def room_told(*, free: int, total: int, where: str) -> Finding:
    """Judge the room on one disk.

    Args:
        free: Bytes.
        total: Bytes.
        where: Whose disk it is, as the end of a sentence.
    """
    told = f"{free / _GIB:.1f} of {total / _GIB:.1f} GiB are free where {where}"
    if free < LEAST_ROOM:
        return bad("disk", f"only {told}: make room first")
    if free < SCARCE_ROOM * total:
        return note("disk", told)
    return good("disk", told)
