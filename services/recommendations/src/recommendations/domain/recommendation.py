"""A recommendation: what those who met ask of somebody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LocalizedText = Mapping[str, str]
"""Text by language, `en` and `km`; at least one of them."""


class Status(StrEnum):
    """Where a recommendation stands."""

    DRAFT = "draft"


class StakeholderCategory(StrEnum):
    """Whose recommendation it is; the coalition's nine kinds of stakeholder."""

    LOCAL_GOVERNMENT = "local_government"
    CENTRAL_GOVERNMENT = "central_government"
    LOCAL_NGO = "local_ngo"
    INTERNATIONAL_NGO = "international_ngo"
    CBO = "cbo"
    DONOR = "donor"
    PRIVATE_SECTOR = "private_sector"
    MEDIA = "media"
    ACADEMIC = "academic"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is written down first.

    Attributes:
        forum_id: The forum that it came out of; None: of the coalition's other work.
        organization_id: The organization that wrote it down; None: the secretariat did.
        stakeholder_category: Who recommends it; None: all who met.
        addressed_to: Who is asked to act, as people say it, such as a ministry's name.
    """

    title: LocalizedText
    text: LocalizedText
    forum_id: str | None
    organization_id: str | None
    stakeholder_category: StakeholderCategory | None
    addressed_to: str


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """A recommendation as it stands."""

    id: str
    draft: Draft
    status: Status = Status.DRAFT
    drafted_at: datetime


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A caller as the rules see one.

    Attributes:
        secretariat: Sees every draft.
        organization_id: The organization that this caller represents; None: represents none.
    """

    secretariat: bool = False
    organization_id: str | None = None

    def sees(self, draft: Draft) -> bool:
        """Tell whether a draft is this caller's to read: the secretariat's, or its writer's."""
        return self.secretariat or (
            self.organization_id is not None and self.organization_id == draft.organization_id
        )
