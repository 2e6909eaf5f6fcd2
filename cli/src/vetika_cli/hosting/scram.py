"""What a broker keeps of a password: SCRAM-SHA-512 as Kafka has it (RFC 5802, RFC 7677).

Kafka is given the salt, the iterations and the salted password (`AlterUserScramCredentials`), never the
password. From the salted password nobody finds the password of 256 random bits; but at this one cluster
it is as good as the password, so it is a secret of the organization that hosts Kafka, which can do
everything there anyway.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

MECHANISM: Final = "SCRAM-SHA-512"
_SALT_BYTES: Final = 24
_FEWEST: Final = 4096  # iterations that Kafka accepts at least, and at most 16384
_SPAN: Final = 8192


@dataclass(frozen=True, kw_only=True, repr=False)
class Verifier:
    """With this a broker recognizes who has the password.

    The number of iterations follows from the salt: Kafka shows the number, and nothing else, of what it
    keeps, so this is how one sees whether it has the newest.
    """

    salt: bytes
    iterations: int
    salted_password: bytes

    @classmethod
    def of(cls, password: str, *, salt: bytes | None = None) -> Self:
        """Make one, with a new salt where none is given."""
        salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
        iterations = _FEWEST + int.from_bytes(hashlib.sha256(salt).digest()[:4]) % _SPAN
        salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
        return cls(salt=salt, iterations=iterations, salted_password=salted)

    @classmethod
    def renewed(cls, password: str, *, before: Self | None) -> Self:
        """Make one for a new password that can be told from the one before."""
        while True:
            made = cls.of(password)
            if before is None or made.iterations != before.iterations:
                return made

    def belongs_to(self, password: str) -> bool:
        """Whether it was made from this password."""
        again = hashlib.pbkdf2_hmac("sha512", password.encode(), self.salt, self.iterations)
        return secrets.compare_digest(again, self.salted_password)


def new_password() -> str:
    """Return 256 random bits as text that stands unquoted everywhere."""
    return secrets.token_urlsafe(32)


def to_json(verifiers: Mapping[str, Verifier]) -> str:
    """Return the verifiers of users as the text of a file."""
    whole = {
        user: {
            "mechanism": MECHANISM,
            "iterations": one.iterations,
            "salt": base64.b64encode(one.salt).decode(),
            "salted_password": base64.b64encode(one.salted_password).decode(),
        }
        for user, one in sorted(verifiers.items())
    }
    return json.dumps(whole, indent=2) + "\n"


def from_json(text: str) -> dict[str, Verifier]:
    """Read what `to_json` wrote; ValueError or KeyError for anything else."""
    return {
        user: Verifier(
            salt=base64.b64decode(one["salt"]),
            iterations=int(one["iterations"]),
            salted_password=base64.b64decode(one["salted_password"]),
        )
        for user, one in json.loads(text).items()
    }
