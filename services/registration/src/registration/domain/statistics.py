"""What a secretariat reports about a forum: counts, and nobody's name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from registration.domain.categories import Gender, RegistrationStatus, StakeholderCategory


@dataclass(frozen=True, kw_only=True)
class Group:
    """Registrations that agree in all that is counted."""

    gender: Gender
    stakeholder_category: StakeholderCategory
    status: RegistrationStatus
    organization_id: str | None
    organization: str | None
    count: int


@dataclass(kw_only=True)
class OrganizationCount:
    """An organization's registrations by status."""

    organization_id: str | None
    organization: str | None
    by_status: dict[str, int] = field(default_factory=dict)


def summarized(groups: Iterable[Group]) -> Mapping[str, Any]:
    """Return the totals, the counts by gender, category and status, and those by organization."""
    totals = {str(status): 0 for status in RegistrationStatus}
    cells: dict[tuple[Gender, StakeholderCategory, RegistrationStatus], int] = {}
    organizations: dict[tuple[str | None, str | None], OrganizationCount] = {}
    for group in groups:
        totals[group.status] += group.count
        cell = (group.gender, group.stakeholder_category, group.status)
        cells[cell] = cells.get(cell, 0) + group.count
        # One member is one line, whatever its people wrote; others go by the name they wrote.
        key = (group.organization_id, None if group.organization_id else group.organization)
        line = organizations.setdefault(
            key, OrganizationCount(organization_id=group.organization_id, organization=group.organization)
        )
        line.by_status[group.status] = line.by_status.get(group.status, 0) + group.count
    return {
        "totals": totals,
        "by_gender_and_category": [
            {"gender": gender, "stakeholder_category": category, "status": status, "count": count}
            for (gender, category, status), count in sorted(cells.items())
        ],
        "by_organization": [
            {
                "organization_id": line.organization_id,
                "organization": line.organization,
                **{str(status): line.by_status.get(status, 0) for status in RegistrationStatus},
            }
            for line in sorted(
                organizations.values(),
                key=lambda line: (-sum(line.by_status.values()), line.organization or ""),
            )
        ],
    }
