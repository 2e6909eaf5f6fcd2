"""The composition of an API: what is the same for every service, around the service's own blueprints."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Request, request
from flask.json.provider import DefaultJSONProvider
from pymongo.database import Database

from vetika_kit.clock import Clock
from vetika_kit.config import ServiceConfig
from vetika_kit.http.access import undeclared_routes
from vetika_kit.http.backpressure import OutboxGauge
from vetika_kit.http.blueprint import STRICT
from vetika_kit.http.bodies import DEFAULT_LIMIT, LIMIT, check_size, read_json
from vetika_kit.http.catalogue import KIT_PROBLEMS
from vetika_kit.http.context import Runtime, current_services, install
from vetika_kit.http.docs import docs_blueprint
from vetika_kit.http.exchanges import EXCHANGE, ObservedExchanges
from vetika_kit.http.failures import register_failure_handlers
from vetika_kit.http.health import health_blueprint
from vetika_kit.http.idempotency_keys import IdempotencyKeys
from vetika_kit.http.openapi import VERSION, DocumentedApi, openapi_document
from vetika_kit.http.preconditions import apply_etag
from vetika_kit.http.tokens import TokenVerifier

if TYPE_CHECKING:
    from vetika_kit.service import Service

__all__ = ["UndeclaredRouteError", "create_api", "current_services"]


class UndeclaredRouteError(Exception):
    """A route does not say who may call it, or a POST does not honour ``Idempotency-Key``."""


class _Json(DefaultJSONProvider):
    """Answers in UTF-8: Khmer as Khmer is a third of the size, and readable."""

    _encode = staticmethod(
        json.JSONEncoder(
            ensure_ascii=False, separators=(",", ":"), default=DefaultJSONProvider.default
        ).encode
    )

    def dumps(self, obj: Any, **_: Any) -> str:
        return self._encode(obj)


class _Api(Flask):
    """Flask for plain functions."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Take every function as it is: none here is a coroutine, and asking costs at every call."""
        return func


def create_api(
    *,
    service: "Service",
    config: ServiceConfig,
    database: "Database[dict[str, Any]]",
    clock: Clock,
    blueprints: Iterable[Any],
    extensions: object,
    problems: Mapping[str, str] | None = None,
) -> Flask:
    """Build a service's API.

    Args:
        service: Its descriptor.
        config: Its settings.
        database: Its own database.
        clock: Tells the time.
        blueprints: Its endpoint families (`vetika_kit.http.blueprint.Blueprint`).
        extensions: Its stores and use cases; views reach them by `current_services`.
        problems: What its own kinds of problem mean, by slug, for ``/docs``.

    Raises:
        UndeclaredRouteError: A route says too little.
        ConfigurationError: The key set cannot be used.
    """
    # Imported here: the admin views stand on this package.
    from vetika_kit.admin.blueprint import admin_blueprint  # noqa: PLC0415

    app = _Api(service.name, static_folder=None)
    app.json = _Json(app)
    app.config.update(
        API_TITLE=service.title,
        API_VERSION=service.version,
        OPENAPI_VERSION=VERSION,
        MAX_CONTENT_LENGTH=DEFAULT_LIMIT,
        MAX_FORM_MEMORY_SIZE=DEFAULT_LIMIT,
        PROPAGATE_EXCEPTIONS=False,
    )
    install(
        app,
        Runtime(
            service=service,
            config=config,
            database=database,
            clock=clock,
            services=extensions,
            tokens=TokenVerifier(config=config, clock=clock),
            idempotency_keys=IdempotencyKeys(database, clock=clock),
        ),
    )
    register_failure_handlers(app)
    gauge = OutboxGauge(database, service.outboxes, limit=config.outbox_age_limit, clock=clock)
    app.before_request(_entrance(app, gauge))

    api = DocumentedApi(app)
    for blueprint in (*blueprints, admin_blueprint()):
        api.register_blueprint(blueprint)
    app.register_blueprint(health_blueprint())
    app.register_blueprint(
        docs_blueprint(
            document=lambda: openapi_document(
                app, api, server=config.public_url, description=f"The {service.name} service of Vetika."
            ),
            problems={**KIT_PROBLEMS, **(problems or {})},
        )
    )
    _read_bodies_of_stock_blueprints_strictly(app)
    app.after_request(apply_etag)

    complaints = undeclared_routes(app)
    if complaints:
        raise UndeclaredRouteError("; ".join(complaints))
    public = urlsplit(config.public_url)
    app.wsgi_app = ObservedExchanges(  # type: ignore[method-assign] # Flask's documented way to add middleware
        app.wsgi_app, https=public.scheme == "https", prefix=public.path.rstrip("/")
    )
    return app


def _entrance(app: Flask, gauge: OutboxGauge) -> Callable[[], None]:
    """Return what every request passes first; one function, since each costs at every request."""
    views = app.view_functions

    def enter() -> None:
        incoming: Request = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the proxy's own way to what it stands for
        rule = incoming.url_rule
        limit = DEFAULT_LIMIT
        if rule is not None:
            limit = getattr(views[rule.endpoint], LIMIT, DEFAULT_LIMIT)
            exchange = incoming.environ.get(EXCHANGE)
            if exchange is not None:
                exchange.route = rule.rule
        check_size(incoming, limit)
        gauge.check(incoming.method, incoming.path)

    return enter


def _read_bodies_of_stock_blueprints_strictly(app: Flask) -> None:
    # A blueprint of flask-smorest itself reads JSON leniently; what it would read is read strictly before it.
    lenient = {
        endpoint
        for endpoint, view in app.view_functions.items()
        if not hasattr(view, STRICT)
        for parameter in getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", ())
        if parameter.get("in") == "json"
    }
    if not lenient:
        return

    def read_strictly() -> None:
        if request.endpoint in lenient and (request.content_length or request.mimetype):
            read_json()

    app.before_request(read_strictly)
