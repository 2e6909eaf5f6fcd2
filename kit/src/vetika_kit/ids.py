"""Identifiers."""

import binascii
import secrets
import time
import uuid
from base64 import b64decode, urlsafe_b64encode
from typing import Final

_SHORT: Final = 22  # characters of base64 that hold the 16 bytes of a UUID
_NAMESPACE: Final = uuid.UUID("6f1f3f6e-0c3b-5f0a-9d5e-7c0de2f0a001")


def new_id() -> str:
    """Return a UUID version 7 as text (RFC 9562 §5.7).

    It begins with the time, so ids of one moment lie together in an index.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)  # version
    value = (value & ~(0x3 << 62)) | (0x2 << 62)  # variant
    return str(uuid.UUID(int=value))


def derived_id(*parts: str) -> str:
    """Return the id that these parts always give (UUID version 5, RFC 9562 §5.5).

    Parts are told apart: ``("ab", "c")`` and ``("a", "bc")`` differ.
    """
    return str(uuid.uuid5(_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts)))


def short_id(id_: str) -> str:
    """Return a UUID as 22 characters that fit into the path of a link; any other text as it is."""
    try:
        whole = uuid.UUID(id_)
    except ValueError:
        return id_
    return urlsafe_b64encode(whole.bytes).decode().rstrip("=") if str(whole) == id_ else id_


def long_id(short: str) -> str:
    """Return the id that `short_id` shortened; what it left as it is comes back as it is."""
    if len(short) != _SHORT:
        return short
    try:
        return str(uuid.UUID(bytes=b64decode(f"{short}==", altchars="-_", validate=True)))
    except (binascii.Error, ValueError):
        return short
