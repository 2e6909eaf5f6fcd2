"""What recommendations is made of, for the kit."""

from collections.abc import Mapping
from typing import Final

from recommendations import consumes, publishes, recovers
from recommendations.config import RecommendationsConfig
from recommendations.store.forums import HeardForums
from recommendations.store.recommendations import RECOMMENDATIONS, ensure_indexes
from recommendations.store.recovered import RecoveredRecommendations
from vetika_kit.backup.recovery import Recovery
from vetika_kit.inbox import UnitOfWork
from vetika_kit.service import Service


def _stores(work: UnitOfWork, _config: RecommendationsConfig) -> Mapping[str, object]:
    return {"forums": HeardForums(work=work)}


SERVICE: Final = Service(
    name="recommendations",
    title="Recommendations",
    config=RecommendationsConfig,
    publishes=publishes,
    consumes=consumes,
    create_app="recommendations.app:create_app",
    outboxes=(RECOMMENDATIONS,),
    stores=_stores,
    recovery=Recovery(
        module=recovers,
        stores=lambda work, _: {"recommendations": RecoveredRecommendations(work=work)},
        lost=recovers.LOST,
    ),
    ensure_indexes=ensure_indexes,
)
