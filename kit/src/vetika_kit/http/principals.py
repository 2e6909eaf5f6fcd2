"""Who calls: roles and principals."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a caller may be; a route names the roles that it lets in."""

    PUBLIC = "public"
    PARTICIPANT = "participant"
    ORGANIZATION = "organization"
    SECRETARIAT = "secretariat"
    OPERATOR = "operator"
    PARTNER = "partner"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A caller as the token says.

    ``organization_id`` is set for organization representatives, who act for that organization only.
    """

    subject: str
    roles: frozenset[Role]
    organization_id: str | None = None


ANONYMOUS: Final = Principal(subject="anonymous", roles=frozenset({Role.PUBLIC}))
