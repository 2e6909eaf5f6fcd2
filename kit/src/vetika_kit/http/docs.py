"""``/openapi.json``, ``/docs`` and ``/problems/<slug>``: the API's description for programs and people."""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from vetika_kit.http.access import open_to_all
from vetika_kit.http.problems import not_found

_METHODS = ("get", "post", "put", "patch", "delete")


def docs_blueprint(*, document: Callable[[], dict[str, Any]], problems: Mapping[str, str]) -> Blueprint:
    """Serve the document; it and its page are made when first asked for, and kept.

    Args:
        document: Makes the OpenAPI document.
        problems: What each kind of problem means, by slug.
    """
    blueprint = Blueprint("docs", __name__, template_folder="templates")
    kept: dict[str, tuple[bytes, str]] = {}
    making = threading.Lock()

    def served(name: str, mimetype: str, make: Callable[[], str]) -> Response:
        with making:
            if name not in kept:
                body = make().encode()
                kept[name] = (body, hashlib.sha256(body).hexdigest()[:16])
        body, tag = kept[name]
        response = Response(body, mimetype=mimetype)
        response.set_etag(tag)
        response.headers["Cache-Control"] = "public, max-age=60"
        response.make_conditional(request)
        return response

    @blueprint.get("/openapi.json")
    @open_to_all
    def openapi_json() -> Response:
        return served(
            "openapi", "application/json", lambda: json.dumps(document(), ensure_ascii=False, indent=1)
        )

    @blueprint.get("/docs")
    @open_to_all
    def page() -> Response:
        def make() -> str:
            described = document()
            return render_template(
                "vetika_docs.html",
                document=described,
                operations=_by_tag(described),
                problems=sorted(problems.items()),
                named=_named,
            )

        response = served("docs", "text/html", make)
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
        )
        return response

    @blueprint.get("/problems/<slug>")
    @open_to_all
    def problem(slug: str) -> Response:
        if slug not in problems:
            raise not_found("kind of problem", slug)
        return Response(
            current_app.json.dumps({"type": f"/problems/{slug}", "description": problems[slug]}),
            mimetype="application/json",
        )

    return blueprint


def _by_tag(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, item in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in item:
                operation = item[method]
                # Parameters of the whole path belong to each of its operations.
                shown = {
                    **operation,
                    "parameters": [*item.get("parameters", []), *operation.get("parameters", [])],
                }
                for tag in operation.get("tags", ["other"]):
                    found.setdefault(tag, []).append((path, method, shown))
    return found


def _named(schema: Mapping[str, Any]) -> str:
    """Return a schema in a few words; the name of a component is linked by the template."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(_named(part) for part in schema.get("anyOf", schema.get("oneOf", ())))
    if "allOf" in schema:
        return " and ".join(_named(part) for part in schema["allOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    types = schema.get("type", "anything")
    types = [types] if isinstance(types, str) else types
    text = " or ".join(types)
    if "array" in types and "items" in schema:
        text = text.replace("array", f"list of {_named(schema['items'])}")
    if "format" in schema:
        text += f" ({schema['format']})"
    limits = [f"{words} {schema[name]}" for name, words in _LIMITS.items() if name in schema]
    return f"{text}, {', '.join(limits)}" if limits else text


_LIMITS: Mapping[str, str] = {
    "minLength": "characters ≥",
    "maxLength": "characters ≤",
    "minimum": "≥",
    "maximum": "≤",
    "minItems": "items ≥",
    "maxItems": "items ≤",
}
