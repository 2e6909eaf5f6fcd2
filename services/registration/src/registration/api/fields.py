"""marshmallow fields for how people are reached."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from registration.domain.emails import InvalidEmailError, normalized_email
from registration.domain.phones import InvalidPhoneError, normalized_phone
from registration.domain.texts import cleaned, has_control
from vetika_kit.http.fields import Text

_LONGEST_EMAIL = 254  # RFC 5321 §4.5.3.1.3
_LONGEST_PHONE = 40


class EmailAddress(fields.String):
    """An e-mail address; loads as mail servers take it."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"format": "email", "maxLength": _LONGEST_EMAIL, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = _short(super()._deserialize(value, attr, data, **kwargs), most=_LONGEST_EMAIL)
        try:
            return normalized_email(text)
        except InvalidEmailError:
            raise ValidationError("Not a valid e-mail address.") from None


class PhoneNumber(fields.String):
    """A telephone number as Cambodia writes it or with a country code; loads as E.164."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"maxLength": _LONGEST_PHONE, "examples": ["012 345 678", "+85512345678"]}
        super().__init__(metadata={**metadata, **kwargs.pop("metadata", {})}, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = _short(super()._deserialize(value, attr, data, **kwargs), most=_LONGEST_PHONE)
        try:
            return normalized_phone(text)
        except InvalidPhoneError:
            raise ValidationError("Not a valid telephone number.") from None


class Name(Text):
    """What somebody or something is called: no invisible characters, single inner spaces."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = cleaned(super()._deserialize(value, attr, data, **kwargs))
        if not text:
            raise self.make_error("empty")
        return text


def _short(text: str, *, most: int) -> str:
    if len(text) > 2 * most or has_control(text):
        raise ValidationError("Too long, or with control characters.")
    text = cleaned(text)
    if len(text) > most:
        raise ValidationError(f"Must have at most {most} characters.")
    return text
