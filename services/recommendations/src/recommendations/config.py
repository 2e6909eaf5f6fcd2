"""What recommendations is told by its environment."""

from dataclasses import dataclass

from vetika_kit.config import ServiceConfig


@dataclass(frozen=True, kw_only=True)
class RecommendationsConfig(ServiceConfig):
    """Nothing beyond what every service is told."""
