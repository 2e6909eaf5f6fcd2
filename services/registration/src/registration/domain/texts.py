"""Text as people paste it: what is cleaned in silence and what is refused."""

import unicodedata
from typing import Final

# Spreadsheets and web pages leave these behind; in a name or address they mean nothing and only make
# two equal texts differ. U+200B is a legal word break in running Khmer, but no part of a name.
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad\u200e\u200f"))
_JOINERS: Final = "\u200c\u200d"  # scripts need them within a word; at its ends they are dirt

# They make text read otherwise than it is stored (Unicode TR36 §2.6).
_OVERRIDES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def cleaned(text: str) -> str:
    """Return the text composed (NFC), without invisible characters, with single inner spaces."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    visible = unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    stripped = visible.strip(" \u00a0\u3000\u2003" + _JOINERS)
    return " ".join(part for part in stripped.replace("\u00a0", " ").split(" ") if part)


def has_control(text: str) -> bool:
    """Say whether the text carries control characters, direction overrides or broken encoding."""
    if text.isprintable():
        return False
    return any(
        character in _OVERRIDES or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        for character in text
    )


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet would run the text (OWASP, CSV injection)."""
    return text.startswith(("=", "+", "-", "@", "\t", "\r"))
