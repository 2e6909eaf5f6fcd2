"""Telephone numbers, as Cambodia writes them."""

from typing import Final

import phonenumbers

REGION: Final = "KH"


class InvalidPhoneError(ValueError):
    """The text is no telephone number that a message can be sent to."""


def normalized_phone(text: str) -> str:
    """Return the number in E.164.

    Lengths are judged, not prefixes: operators use new ranges long before the tables that list them,
    and a number that does not exist is refused by the provider anyway. `00` is read as `+`, as
    people mean it, although Cambodian exchanges want a third digit.

    Raises:
        InvalidPhoneError: It is none.
    """
    number = text.strip()
    if number.startswith("00"):
        number = f"+{number[2:]}"
    try:
        parsed = phonenumbers.parse(number, REGION)
    except phonenumbers.NumberParseException as error:
        raise InvalidPhoneError("The number cannot be read.") from error
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE or parsed.extension:
        raise InvalidPhoneError("The number is too short, too long or has an extension.")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
