"""Recommendations, each with its outbox."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from pymongo import ASCENDING
from pymongo.database import Database

from recommendations.domain.recommendation import Draft, Reader, Recommendation, StakeholderCategory, Status
from vetika_kit.clock import Clock
from vetika_kit.events import Event
from vetika_kit.mongo import Document
from vetika_kit.outbox import Aggregates

RECOMMENDATIONS: Final = "recommendations"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A recommendation as it is stored; the version is what a change must have seen."""

    recommendation: Recommendation
    version: int


class RecommendationStore:
    """The recommendations."""

    def __init__(self, *, database: "Database[Document]", clock: Clock) -> None:
        self._aggregates = Aggregates(database[RECOMMENDATIONS], clock=clock)
        self.collection = self._aggregates.collection

    def add(self, recommendation: Recommendation, *events: Event) -> Kept:
        """Keep a new one; one that a lost answer already kept under this id is answered as it is."""
        document = {
            "_id": recommendation.id,
            **asdict(recommendation.draft),
            "status": recommendation.status.value,
            "drafted_at": recommendation.drafted_at,
        }
        category = recommendation.draft.stakeholder_category
        document["stakeholder_category"] = category and category.value
        return kept(self._aggregates.insert_or_get(document, *events))

    def get(self, id_: str) -> Kept | None:
        """Return a recommendation, or None."""
        document = self._aggregates.get(id_)
        return None if document is None else kept(document)


def ensure_indexes(database: "Database[Document]") -> None:
    """Make the indexes of the lists, which go by the time of drafting."""
    order = [("drafted_at", ASCENDING), ("_id", ASCENDING)]
    recommendations = database[RECOMMENDATIONS]
    recommendations.create_index(order, name="by_time")
    for field in ("forum_id", "organization_id"):
        recommendations.create_index([(field, ASCENDING), *order], name=f"by_{field}")


def seen_by(reader: Reader) -> Document:
    """Return the filter of the drafts that this caller may read."""
    return {} if reader.secretariat else {"organization_id": reader.organization_id or ""}


def kept(document: Mapping[str, Any]) -> Kept:
    """Return the recommendation that a document holds."""
    category = document["stakeholder_category"]
    draft = Draft(
        title=document["title"],
        text=document["text"],
        forum_id=document["forum_id"],
        organization_id=document["organization_id"],
        stakeholder_category=None if category is None else StakeholderCategory(category),
        addressed_to=document["addressed_to"],
    )
    recommendation = Recommendation(
        id=document["_id"],
        draft=draft,
        status=Status(document["status"]),
        drafted_at=document["drafted_at"],
    )
    return Kept(recommendation=recommendation, version=document["version"])
