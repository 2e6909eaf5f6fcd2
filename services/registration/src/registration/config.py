"""What registration is told by its environment."""

from dataclasses import dataclass
from typing import Final

from vetika_kit.config import ServiceConfig, positive, setting

_SHORTEST_SECRET: Final = 32


def _secret(text: str) -> str:
    if len(text) < _SHORTEST_SECRET:
        raise ValueError(f"must have at least {_SHORTEST_SECRET} characters")
    return text


@dataclass(frozen=True, kw_only=True)
class RegistrationConfig(ServiceConfig):
    """The settings of every service, and those of registration."""

    manage_secret: str = setting(
        "VETIKA_MANAGE_SECRET",
        parse=_secret,
        secret=True,
        doc="Keys the ids of people and the links by which they manage their registrations; "
        "a change makes every link that was sent useless. At least 32 characters.",
    )
    hold_limit: float = setting(
        "VETIKA_HOLD_LIMIT",
        default=10.0,
        parse=positive,
        doc="Seconds after which an admission or cancellation that was left half-way is settled.",
    )
    erasure_repeat: float = setting(
        "VETIKA_ERASURE_REPEAT",
        default=60.0,
        parse=positive,
        doc="Seconds after which an erasure is published again; not below a relay's longest lease.",
    )

    @property
    def key(self) -> bytes:
        """The manage secret, as bytes."""
        return self.manage_secret.encode()
