"""Recommendations that come back from the own events."""

from collections.abc import Mapping
from typing import Any

from recommendations.domain.recommendation import Status
from recommendations.store.recommendations import RECOMMENDATIONS
from vetika_kit.backup.recovery import put_back
from vetika_kit.events import Received
from vetika_kit.inbox import UnitOfWork


class RecoveredRecommendations:
    """Where recommendations are put back; part of a unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._work = work

    def put_back(self, id_: str, told: Mapping[str, Any], *, event: Received) -> None:
        """Keep a draft as far as the event told of it; one that is known stays as it is."""
        never_told = {
            "text": dict(told["title"]),  # a text there must be, and this much is known of it
            "stakeholder_category": None,
            "addressed_to": "",
            "drafted_at": event.time,
        }
        changes = {**told, "status": Status.DRAFT.value}
        collection = self._work.database[RECOMMENDATIONS]
        put_back(collection, id_, event=event, changes=changes, otherwise=never_told, work=self._work)
