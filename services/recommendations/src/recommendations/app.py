"""The composition root of the API."""

from typing import Any

from flask import Flask
from pymongo.database import Database

from recommendations.api import recommendations
from recommendations.api.services import Services
from recommendations.config import RecommendationsConfig
from recommendations.drafts import Drafts
from recommendations.service import SERVICE
from recommendations.store.forums import Forums
from recommendations.store.recommendations import RecommendationStore
from vetika_kit.clock import Clock
from vetika_kit.http.app import create_api


def create_app(config: RecommendationsConfig, *, database: "Database[dict[str, Any]]", clock: Clock) -> Flask:
    """Return the API of recommendations."""
    store = RecommendationStore(database=database, clock=clock)
    drafts = Drafts(store=store, forums=Forums(database=database), clock=clock)
    return create_api(
        service=SERVICE,
        config=config,
        database=database,
        clock=clock,
        blueprints=[recommendations.blueprint],
        extensions=Services(drafts=drafts, store=store),
    )
