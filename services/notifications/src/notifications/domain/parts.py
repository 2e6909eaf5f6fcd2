"""How a text becomes the parts of an SMS, and where it may be cut.

A text whose characters all belong to the GSM 7-bit default alphabet and its extension table
(3GPP TS 23.038, 6.2.1) takes 160 septets in one message, 153 in each part of a longer one. Any other
text, so any Khmer text, travels as UCS-2: 70 sixteen-bit units in one message, 67 in each part
(TS 23.040, 9.2.3.24.1: the header that joins the parts takes six of 140 octets).
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType

from notifications.domain.errors import RuleError

# TS 23.038, 6.2.1, in the order of the table; ESC (0x1B) is no character of its own.
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# TS 23.038, 6.2.1.1: ESC and a second septet.
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")

# What word processors write for what a telephone can show; one such sign would make a Latin text UCS-2
# and more than double its price.
_TYPOGRAPHY = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u2032": "'",
        "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2033": '"',
        "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-",
        "\u2026": "...", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u00b7": "-", "\u2022": "-",
    }
)  # fmt: skip

_COENG = "\u17d2"  # the next consonant is written below: the two are one sign to a reader
_ZERO_WIDTH_JOINER = "\u200d"
_ZERO_WIDTH_NON_JOINER = "\u200c"
_EMOJI_MODIFIERS = ("\U0001f3fb", "\U0001f3ff")
_REGIONAL_INDICATORS = ("\U0001f1e6", "\U0001f1ff")
_BEYOND_SIXTEEN_BITS = 0xFFFF


class Encoding(StrEnum):
    """How a text travels."""

    GSM_7BIT = "gsm-7bit"
    UCS_2 = "ucs-2"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Units that fit: septets for GSM 7-bit, sixteen-bit units for UCS-2."""

    alone: int
    joined: int


LIMITS: Mapping[Encoding, Limits] = MappingProxyType(
    {Encoding.GSM_7BIT: Limits(alone=160, joined=153), Encoding.UCS_2: Limits(alone=70, joined=67)}
)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A text as the parts that it travels in."""

    encoding: Encoding
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)


def encoding_of(text: str) -> Encoding:
    """GSM 7-bit when every character has a place in its tables, else UCS-2."""
    plain = all(character in GSM_BASIC or character in GSM_EXTENSION for character in text)
    return Encoding.GSM_7BIT if plain else Encoding.UCS_2


def units(text: str, *, encoding: Encoding) -> int:
    """The room that a text takes: septets (an extension character takes two) or sixteen-bit units."""
    if encoding is Encoding.GSM_7BIT:
        return sum(2 if character in GSM_EXTENSION else 1 for character in text)
    return sum(2 if ord(character) > _BEYOND_SIXTEEN_BITS else 1 for character in text)


def clusters(text: str) -> Iterator[str]:
    """The signs that a reader sees, each with everything that must not be torn from it.

    These are the extended grapheme clusters of Unicode Standard Annex 29 for the scripts and signs that
    occur here, and, as Khmer readers expect, a consonant with the consonants written below it is one.
    """
    if not text:
        return
    begin = 0
    flags = 1 if _is_regional(text[0]) else 0
    for position, (before, character) in enumerate(pairwise(text), start=1):
        pairs_with_flag = _is_regional(before) and _is_regional(character) and flags % 2 == 1
        if not (pairs_with_flag or _belongs(before, character)):
            yield text[begin:position]
            begin = position
        flags = flags + 1 if _is_regional(character) else 0
    yield text[begin:]


def split(text: str) -> Parts:
    """Cut a text into the parts that it travels in, never inside a sign, an escape or a surrogate pair."""
    encoding = encoding_of(text)
    limits = LIMITS[encoding]
    if units(text, encoding=encoding) <= limits.alone:
        return Parts(encoding=encoding, texts=(text,))
    parts: list[str] = []
    current: list[str] = []
    room = limits.joined
    for piece in _pieces(text, encoding=encoding, limit=limits.joined):
        size = units(piece, encoding=encoding)
        if size > room:
            parts.append("".join(current))
            current, room = [], limits.joined
        current.append(piece)
        room -= size
    parts.append("".join(current))
    return Parts(encoding=encoding, texts=tuple(parts))


def shorten(text: str, *, limit: int) -> str:
    """The text in at most `limit` sixteen-bit units, with an ellipsis where it was cut.

    Cuts between words where the last words are short enough to lose, else between signs (Khmer puts no
    spaces between words).

    Raises:
        RuleError: the limit leaves no room for a sign and an ellipsis.
    """
    if units(text, encoding=Encoding.UCS_2) <= limit:
        return text
    ellipsis = "..." if encoding_of(text) is Encoding.GSM_7BIT else "\u2026"
    room = limit - len(ellipsis)
    if room < 1:
        raise RuleError(f"a text cannot be shortened to {limit} units")
    kept: list[str] = []
    for cluster in clusters(text):
        room -= units(cluster, encoding=Encoding.UCS_2)
        if room < 0:
            break
        kept.append(cluster)
    cut = "".join(kept)
    at_word = cut.rpartition(" ")[0]
    if len(at_word) * 3 >= len(cut) * 2:
        cut = at_word
    return cut.rstrip(" ,;:-") + ellipsis


def without_typography(text: str) -> str:
    """Plain quotes, dashes, dots and spaces for their typographic forms, so that Latin text stays 7-bit."""
    return text.translate(_TYPOGRAPHY)


def _pieces(text: str, *, encoding: Encoding, limit: int) -> Iterator[str]:
    """The clusters; of one that no part can hold (nobody writes it, somebody may send it) its characters."""
    for cluster in clusters(text):
        if units(cluster, encoding=encoding) <= limit:
            yield cluster
        else:
            yield from cluster


def _belongs(before: str, character: str) -> bool:
    """Whether a character must stay with the one before it."""
    if before == "\r" and character == "\n":
        return True
    if character in (_ZERO_WIDTH_JOINER, _ZERO_WIDTH_NON_JOINER) or before in (_COENG, _ZERO_WIDTH_JOINER):
        return True
    if _EMOJI_MODIFIERS[0] <= character <= _EMOJI_MODIFIERS[1]:
        return True
    return unicodedata.category(character) in {"Mn", "Mc", "Me"}


def _is_regional(character: str) -> bool:
    return _REGIONAL_INDICATORS[0] <= character <= _REGIONAL_INDICATORS[1]
