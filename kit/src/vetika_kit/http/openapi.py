"""The OpenAPI document: what flask-smorest knows of the views, and what the kit does around every one."""

import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import flask_smorest
from apispec.exceptions import DuplicateComponentNameError
from flask import Flask
from werkzeug.routing import Rule

from vetika_kit.http.access import IDEMPOTENT, ROLES
from vetika_kit.http.principals import Role
from vetika_kit.http.problems import DOCUMENTED, PROBLEM_TYPE, ProblemSchema

VERSION: Final = "3.1.0"
_BODY_METHODS: Final = frozenset({"post", "put", "patch", "delete"})
_FIRST_ERROR: Final = 400
_MATCHED: Final = frozenset({412, 428})
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names this request: sent again, it takes effect once and gives the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the version that is being changed: 428 without, 412 when it is stale.",
    "schema": {"type": "string"},
}


class DocumentedApi(flask_smorest.Api):  # type: ignore[misc] # flask-smorest publishes no types
    """flask-smorest's registry of operations; errors are handled by `vetika_kit.http.failures`."""

    ERROR_SCHEMA = ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None  # every status is named; "default" would document anything

    def _register_error_handlers(self) -> None:
        """Leave errors to the kit."""


def openapi_document(app: Flask, api: DocumentedApi, *, server: str, description: str) -> dict[str, Any]:
    """Return the whole document."""
    with contextlib.suppress(DuplicateComponentNameError):  # a view may have named it itself
        api.spec.components.schema("Problem", schema=ProblemSchema)
    document: dict[str, Any] = api.spec.to_dict()
    document["info"]["description"] = description
    document["servers"] = [{"url": server}]
    components = document.setdefault("components", {})
    components.pop("responses", None)
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for rule, method, operation in _operations(app, document):
        _complete(app, rule, method, operation)
    return document


def _operations(app: Flask, document: dict[str, Any]) -> Iterator[tuple[Rule, str, dict[str, Any]]]:
    for rule in app.url_map.iter_rules():
        path = document["paths"].get(flask_smorest.spec.FlaskPlugin.flaskpath2openapi(rule.rule), {})
        for method in rule.methods or ():
            operation = path.get(method.lower())
            if operation is not None:
                yield rule, method.lower(), operation


def _complete(app: Flask, rule: Rule, method: str, operation: dict[str, Any]) -> None:
    view = app.view_functions[rule.endpoint]
    roles: frozenset[Role] = getattr(view, ROLES, frozenset())
    own: tuple[int, ...] = getattr(view, DOCUMENTED, ())
    statuses = set(own) | {401, 414, 431, 503}
    parameters = operation.setdefault("parameters", [])
    if Role.PUBLIC in roles:
        operation["security"] = [{}, {"bearer": []}]
    else:
        operation["security"] = [{"bearer": []}]
        operation["description"] = "\n\n".join(
            part for part in (operation.get("description"), f"For: {', '.join(sorted(roles))}.") if part
        )
        statuses.add(403)
    if parameters or "requestBody" in operation:
        statuses.add(422)
    if "requestBody" in operation:
        statuses |= {400, 413, 415, 422}
    elif method in _BODY_METHODS:
        statuses |= {413, 415}
    if hasattr(view, IDEMPOTENT):
        parameters.append(_IDEMPOTENCY_KEY)
        statuses |= {409, 422}
    if _MATCHED & set(own):
        parameters.append(_IF_MATCH)
    responses = {str(status): content for status, content in operation.get("responses", {}).items()}
    for status in [*statuses, *(int(known) for known in responses if known.isdigit())]:
        if status >= _FIRST_ERROR:
            responses[str(status)] = _problem(status, responses.get(str(status), {}))
    operation["responses"] = dict(sorted(responses.items()))
    operation.setdefault("operationId", rule.endpoint.rpartition(".")[2].replace("_", "-"))


def _problem(status: int, known: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": known.get("description", HTTPStatus(status).phrase),
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
