"""Who may host a forum: the coalition's own organizations."""

from dataclasses import dataclass
from enum import StrEnum

from meetings.domain.errors import BadPlanError, Fault


class Membership(StrEnum):
    """Where an organization stands towards the coalition, as registration tells it."""

    APPLIED = "applied"
    ADMITTED = "admitted"
    DEPARTED = "departed"


@dataclass(frozen=True, kw_only=True)
class Organization:
    """What meetings knows of an organization."""

    id: str
    name: str
    acronym: str | None
    membership: Membership


def check_host(organization: Organization | None) -> None:
    """Hold a forum's host against the rule that only a member hosts.

    Args:
        organization: the host as far as it is known here; None when nothing was heard of it.

    Raises:
        BadPlanError: it is unknown or no member.
    """
    if organization is None:
        detail = "No organization with this id is known here."
    elif organization.membership is not Membership.ADMITTED:
        detail = "Only an organization that the coalition has admitted hosts a forum."
    else:
        return
    raise BadPlanError((Fault(pointer="/host_organization_id", detail=detail),))
