"""Addresses as a secretary may see them: enough to recognize one, too little to use it."""

_DOT = "\u2022"
_SHOWN_OF_PHONE = 3


def masked(address: str) -> str:
    """Return an e-mail address as `s•••@example.org` and a number as `+855•••••685`."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}{_DOT * 3}@{domain}"
    hidden = max(0, len(address) - 4 - _SHOWN_OF_PHONE)
    return f"{address[:4]}{_DOT * hidden}{address[-_SHOWN_OF_PHONE:]}" if hidden else _DOT * len(address)
