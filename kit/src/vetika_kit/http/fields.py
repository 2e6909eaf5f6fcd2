"""marshmallow fields for what people write and for moments."""

import re
import unicodedata
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields

_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE: Final = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad"  # Khmer parts words with U+200B: fine inside of a text
)
_MOMENT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


class Text(fields.String):
    """Text by a person: Unicode NFC, trimmed, counted in characters after that.

    Refuses control characters, lone surrogates, bidirectional overrides (they make a text read as another
    one) and text of which nothing can be seen. Line breaks only where the field has several lines, all in
    one form (LF).
    """

    default_error_messages = {  # noqa: RUF012 - marshmallow's own form
        "control": "Must not hold control characters.",
        "bidi": "Must not hold characters that change the direction of other text.",
        "empty": "Must not be empty.",
        "short": "Must have at least {min} characters.",
        "long": "Must have at most {max} characters.",
    }

    def __init__(self, min: int = 1, max: int = 200, *, multiline: bool = False, **kwargs: Any) -> None:  # noqa: A002 - named as in JSON Schema
        metadata = {"minLength": min, "maxLength": max, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)
        self._min = min
        self._max = max
        self._multiline = multiline

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        text = value
        # Normalizing can only triple a text; anything longer is refused before it costs time.
        if len(text) > 3 * self._max + 100:
            raise self.make_error("long", max=self._max)
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        if self._multiline:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not text.isprintable():
            self._check_unprintable(text)
        text = text.strip()
        if text.strip(_INVISIBLE + " ") == "":
            if self._min > 0:
                raise self.make_error("empty")
            text = ""
        if len(text) < self._min:
            raise self.make_error("short", min=self._min)
        if len(text) > self._max:
            raise self.make_error("long", max=self._max)
        return text

    def _check_unprintable(self, text: str) -> None:
        for character in text:
            if character in _BIDI:
                raise self.make_error("bidi")
            category = unicodedata.category(character)
            if category in ("Cc", "Cs", "Zl", "Zp") and not (self._multiline and character in "\n\t"):
                raise self.make_error("control")


class _LanguagesSchema(Schema):
    """A text in English, Khmer or both."""


@cache
def _languages(min: int, max: int, *, multiline: bool) -> type[Schema]:  # noqa: A002 - as in `Text`
    # One class for one set of limits: the OpenAPI document names a schema once, however many fields use it.
    lines = "Lines" if multiline else ""
    return _LanguagesSchema.from_dict(
        {
            language: Text(min, max, multiline=multiline, metadata={"description": name})
            for language, name in (("en", "English."), ("km", "Khmer."))
        },
        name=f"LocalizedText{min}To{max}{lines}",
    )


class LocalizedText(fields.Nested):
    """A text in the languages of the platform: ``{"en": …, "km": …}``, at least one of them."""

    def __init__(self, min: int = 1, max: int = 200, *, multiline: bool = False, **kwargs: Any) -> None:  # noqa: A002 - as in `Text`
        schema = _languages(min, max, multiline=multiline)
        metadata = {"description": "In English, Khmer or both.", **kwargs.pop("metadata", {})}
        super().__init__(schema, metadata=metadata, **kwargs)

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        loaded = super()._deserialize(*args, **kwargs)
        if not loaded:
            raise ValidationError("Needs a text in en or km.")
        return loaded


class Timestamp(fields.Field[datetime]):
    """A moment: RFC 3339 with an offset; loads as aware UTC in whole milliseconds, dumps with ``Z``."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's own form
        "invalid": "Must be an RFC 3339 date-time with an offset, such as 2026-03-01T09:00:00+07:00.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            metadata={"type": "string", "format": "date-time", **kwargs.pop("metadata", {})}, **kwargs
        )

    def _serialize(self, value: datetime | None, *_args: Any, **_kwargs: Any) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without an offset cannot be sent")
        text = value.astimezone(UTC).isoformat(timespec="milliseconds" if value.microsecond else "seconds")
        return text.removesuffix("+00:00") + "Z"

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> datetime:
        if not isinstance(value, str) or not _MOMENT.fullmatch(value):
            raise self.make_error("invalid")
        try:
            moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.make_error("invalid") from None
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
