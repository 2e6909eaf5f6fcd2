"""E-mail addresses."""

from email_validator import EmailNotValidError, validate_email


class InvalidEmailError(ValueError):
    """The text is no e-mail address that mail can be sent to."""


def normalized_email(text: str) -> str:
    """Return the address as mail servers take it: the domain lower-case and in ASCII.

    No name server is asked: a form must not hang on somebody else's, and an answer about an
    address would be an answer about a person.

    Raises:
        InvalidEmailError: It is none, or only servers with SMTPUTF8 would take it.
    """
    try:
        checked = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise InvalidEmailError(str(error)) from error
    if checked.ascii_email is None:
        raise InvalidEmailError("The address cannot be written in ASCII.")
    return checked.ascii_email


def email_identity(address: str) -> str:
    """Return what two spellings of one address have in common; no server in use tells cases apart."""
    return address.casefold()
