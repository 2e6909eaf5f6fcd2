"""A service that the tests start as processes: `python served.py api`."""

import sys
import threading
from typing import Any

from flask import Flask
from pymongo.database import Database

from vetika_kit.clock import Clock
from vetika_kit.config import ServiceConfig
from vetika_kit.http.access import Role, access
from vetika_kit.http.app import create_api
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.service import Service


def create(config: ServiceConfig, *, database: "Database[dict[str, Any]]", clock: Clock) -> Flask:
    """Build the API."""
    blueprint = Blueprint("served", __name__, url_prefix="/v1")

    @blueprint.route("/hello", methods=["GET"])
    @access(Role.PUBLIC)
    @blueprint.response(200)
    def hello() -> dict[str, int]:
        return {"hello": database["visits"].count_documents({})}

    @blueprint.route("/slow", methods=["GET"])
    @access(Role.PUBLIC)
    @blueprint.response(200)
    def slow() -> dict[str, bool]:
        database["visits"].insert_one({"slow": True})
        threading.Event().wait(1.5)  # work that takes its time
        return {"done": True}

    return create_api(
        service=SERVICE,
        config=config,
        database=database,
        clock=clock,
        blueprints=[blueprint],
        extensions=None,
    )


SERVICE = Service(name="served", title="Served", config=ServiceConfig, create_app="served:create")

if __name__ == "__main__":
    sys.exit(SERVICE.main())
