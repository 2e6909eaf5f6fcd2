"""From an event to deliveries: what a person is to be told, before it is known how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notifications.domain.delivery import Channel, Language, Template


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One thing to tell one person.

    It becomes one delivery per channel that the person chose, once the person's contact and the forum
    are known here; they travel on other topics and may come later than what is to be told.
    """

    because: str  # id of the event
    at: datetime  # when it happened
    template: Template
    person_id: str
    forum_id: str
    registration_id: str
    told: Mapping[str, Any] = field(default_factory=dict)  # what the message says of the registration


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How a person wants to be told."""

    channels: tuple[Channel, ...]
    language: Language


@dataclass(frozen=True, kw_only=True)
class Erased:
    """The person asked to be forgotten."""

    at: datetime

    def covers(self, plan: Plan) -> bool:
        """Tell whether the plan is from before.

        A person may register anew after an erasure, and the new contact may still be on its way here.
        """
        return plan.at <= self.at
