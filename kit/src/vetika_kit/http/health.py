"""``/livez``, ``/readyz`` and ``/metrics``."""

import os
from typing import Any, Final

import pymongo
from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pymongo.errors import PyMongoError

from vetika_kit.http.access import open_to_all
from vetika_kit.http.context import Runtime, current_runtime
from vetika_kit.http.failures import database_away
from vetika_kit.outboxes import oldest_waiting

_PATIENCE: Final = 1.0  # seconds; a probe that waits longer is a probe that fails
_BEHIND: Final = 10.0  # seconds; an event leaves within milliseconds while Kafka is there


def health_blueprint() -> Blueprint:
    """Make the probes. None of them looks at tokens; none shows anything of a person."""
    blueprint = Blueprint("health", __name__)
    blueprint.add_url_rule("/livez", view_func=livez)
    blueprint.add_url_rule("/readyz", view_func=readyz)
    blueprint.add_url_rule("/metrics", view_func=metrics)
    return blueprint


@open_to_all
def livez() -> Response:
    """Answer: the process runs. Touches nothing, so that a dead database never gets it restarted."""
    return Response(b'{"status":"alive"}', mimetype="application/json")


@open_to_all
def readyz() -> Response:
    """Answer 200 when MongoDB answers, else 503.

    Kafka's state is told but does not decide: the outbox takes what cannot leave yet. ``reached`` means that
    a relay lives and nothing waits, ``behind`` that events wait for longer than ten seconds.
    """
    runtime = current_runtime()
    try:
        with pymongo.timeout(_PATIENCE):
            runtime.database.client.admin.command("ping")
    except PyMongoError:
        return database_away().response()
    return Response(
        current_app.json.dumps({"status": "ready", "mongodb": "reached", **_outbox_state(runtime)}),
        mimetype="application/json",
    )


def _outbox_state(runtime: Runtime) -> dict[str, Any]:
    try:
        with pymongo.timeout(_PATIENCE):
            age = oldest_waiting(runtime.database, runtime.service.outboxes, clock=runtime.clock)
            relay = runtime.database["relay_members"].find_one({"$expr": {"$gt": ["$expires_at", "$$NOW"]}})
    except PyMongoError:
        return {"kafka": "unknown", "oldest_event_seconds": None}
    kafka = "unknown" if relay is None else "reached"  # without a relay nobody has tried
    if age is not None and age >= _BEHIND:
        kafka = "behind"
    return {"kafka": kafka, "oldest_event_seconds": None if age is None else round(age, 3)}


@open_to_all
def metrics() -> Response:
    """Show the metrics of all worker processes of this API together."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # prometheus_client leaves it untyped
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
