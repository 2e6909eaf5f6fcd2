"""How recommendations come back from what was told of them: that there is one, its title and its forum."""

from typing import Final

from marshmallow import fields

from recommendations.store.recovered import RecoveredRecommendations
from vetika_kit.events import ReaderSchema, Received
from vetika_kit.handlers import handles

LOST: Final = (
    "text (the title stands in its place), category and addressee of what was drafted since the backup",
)


class RecommendationTold(ReaderSchema):
    """A recommendation as everybody knows it."""

    recommendation_id = fields.String(required=True)
    forum_id = fields.String(required=True, allow_none=True)
    title = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    organization_id = fields.String(required=True, allow_none=True)


@handles("recommendation.drafted.v1", reads=RecommendationTold, service="recommendations")
def take_a_recommendation_back(event: Received, *, recommendations: RecoveredRecommendations) -> None:
    """Keep what was told of it."""
    told = dict(event.data)
    recommendations.put_back(told.pop("recommendation_id"), told, event=event)
