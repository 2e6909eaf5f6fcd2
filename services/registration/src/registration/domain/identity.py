"""Who is who, without an account: a person is the e-mail address and telephone number they give."""

import hashlib
import hmac
import uuid
from base64 import b32encode
from typing import Final

from registration.domain.emails import email_identity

_KEY_BYTES: Final = 10  # 80 bits: nobody guesses them over HTTP, and 16 characters of base32 fit into an SMS
_REFERENCE_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is misread on paper or by phone


def identities(*, email: str | None, phone: str | None) -> tuple[str, ...]:
    """Return what one person cannot share with another in one forum."""
    found = []
    if email is not None:
        found.append(f"email:{email_identity(email)}")
    if phone is not None:
        found.append(f"phone:{phone}")
    return tuple(found)


def person_id(*, email: str | None, phone: str | None, secret: bytes) -> str:
    """Return the id of the person with this address and number together.

    Both count: who knows only somebody's e-mail address cannot make a record that takes the place of
    theirs. Keyed, so that nobody without the secret can tell whether an id is a given person's.
    """
    text = "\n".join(identities(email=email, phone=phone))
    digest = hmac.digest(secret, b"person:" + text.encode(), hashlib.sha256)
    value = int.from_bytes(digest[:16])
    value = (value & ~(0xF << 76)) | (0x8 << 76)  # version 8: made in one's own way (RFC 9562 §5.8)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)  # variant
    return str(uuid.UUID(int=value))


def manage_key(person: str, *, secret: bytes) -> str:
    """Return the key that opens a person's registrations; it is derived, so it is stored nowhere."""
    digest = hmac.digest(secret, b"manage:" + person.encode(), hashlib.sha256)
    return b32encode(digest[:_KEY_BYTES]).decode().lower()


def opens(key: str, *, person: str, secret: bytes) -> bool:
    """Say whether a key is this person's, in a time that tells nothing about it."""
    return hmac.compare_digest(key.encode(), manage_key(person, secret=secret).encode())


def reference(registration_id: str) -> str:
    """Return the short code by which people speak of a registration, e.g. ``K7QM-2XPD``."""
    number = int.from_bytes(hashlib.sha256(registration_id.encode()).digest()[:8])
    characters = []
    for _ in range(8):
        number, place = divmod(number, len(_REFERENCE_ALPHABET))
        characters.append(_REFERENCE_ALPHABET[place])
    return f"{''.join(characters[:4])}-{''.join(characters[4:])}"


def organization_key(*, organization_id: str | None, name: str | None) -> str | None:
    """Return the key by which an organization's seats are counted; None where there is none.

    An organization that is no member has only the name that people write.
    """
    if organization_id is not None:
        return organization_id
    if name is None:
        return None
    return f"name-{hashlib.sha256(name.casefold().encode()).hexdigest()[:24]}"
