"""What a request can reach: the service, its settings, clock, database and stores."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Flask, current_app
from pymongo.database import Database

from vetika_kit.clock import Clock
from vetika_kit.config import ServiceConfig

if TYPE_CHECKING:
    from vetika_kit.http.idempotency_keys import IdempotencyKeys
    from vetika_kit.http.tokens import TokenVerifier
    from vetika_kit.service import Service

_EXTENSION: Final = "vetika"


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The parts that the composition root gave to one application."""

    service: "Service"
    config: ServiceConfig
    database: "Database[dict[str, Any]]"
    clock: Clock
    services: object
    tokens: "TokenVerifier"
    idempotency_keys: "IdempotencyKeys"


def install(app: Flask, runtime: Runtime) -> None:
    """Give an application its parts."""
    app.extensions[_EXTENSION] = runtime


def current_runtime() -> Runtime:
    """Return the parts of the application in hand."""
    return cast("Runtime", current_app.extensions[_EXTENSION])


def current_services() -> Any:
    """Return the service's own stores, as given to ``create_api(extensions=…)``."""
    return current_runtime().services
