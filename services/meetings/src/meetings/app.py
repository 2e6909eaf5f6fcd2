"""The composition root of the API."""

from typing import Any

from flask import Flask
from pymongo.database import Database

from meetings.api import forums, steps
from meetings.api.services import Services
from meetings.config import MeetingsConfig
from meetings.forums import Forums
from meetings.service import SERVICE
from meetings.store.forums import ForumStore
from meetings.store.organizations import Organizations
from vetika_kit.clock import Clock
from vetika_kit.http.app import create_api


def create_app(config: MeetingsConfig, *, database: "Database[dict[str, Any]]", clock: Clock) -> Flask:
    """Return the API of meetings."""
    store = ForumStore(database=database, clock=clock)
    use_cases = Forums(store=store, organizations=Organizations(database=database), clock=clock)
    return create_api(
        service=SERVICE,
        config=config,
        database=database,
        clock=clock,
        blueprints=[forums.blueprint, steps.blueprint],
        extensions=Services(forums=use_cases, store=store),
    )
