"""What every API does around its own views."""

import json
import logging
import re

import pytest
from flask import Flask

from vetika_kit.http.access import Role, access, undeclared_routes
from vetika_kit.http.app import UndeclaredRouteError, create_api
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.logs import JsonFormatter


def test_every_answer_carries_a_request_id_and_the_callers_own_is_kept(client):
    """A sane X-Request-Id comes back; a wild one is replaced."""
    assert (
        client.get("/v1/whoami", headers={"X-Request-Id": "portal-0001"}).headers["X-Request-Id"]
        == "portal-0001"
    )
    for wild in ("short", "x" * 65, "a b c d e f g h", "<script>alert(1)</script>"):
        made = client.get("/v1/whoami", headers={"X-Request-Id": wild}).headers["X-Request-Id"]
        assert re.fullmatch(r"[0-9a-f]{32}", made)


def test_answers_carry_security_headers_also_when_nothing_is_found(client):
    """A 404 is hardened like any other answer, and is a problem whose instance is the request."""
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json["type"] == "/problems/not-found"
    assert response.json["instance"] == response.headers["X-Request-Id"]


def test_a_wrong_method_names_the_right_ones(client):
    """405 is a problem and keeps its Allow header."""
    response = client.delete("/v1/notes")
    assert response.status_code == 405
    assert response.json["type"] == "/problems/method-not-allowed"
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_a_fault_inside_says_nothing_about_itself(client, stores, caplog):
    """An exception becomes a 500 problem; its text stays in the log."""
    stores.fault.append(RuntimeError("secret sauce"))
    response = client.get("/v1/faults")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text
    assert any(record.exc_info and "secret sauce" in str(record.exc_info[1]) for record in caplog.records)


def test_the_access_log_knows_the_route_but_neither_path_nor_query(client, caplog):
    """A line a request, in JSON, without anything that tells who somebody is."""
    caplog.set_level(logging.INFO, "vetika.access")
    client.get("/v1/notes/sok@example.com?tag=012345678", headers={"X-Request-Id": "portal-0002"})
    record = next(record for record in caplog.records if record.name == "vetika.access")
    line = json.loads(JsonFormatter(service="tiny", process="api").format(record))
    assert line["route"] == "/v1/notes/<note_id>"
    assert (line["method"], line["status"]) == ("GET", 404)
    assert "example.com" not in json.dumps(line)
    assert "012345678" not in json.dumps(line)


def test_logs_within_a_request_carry_its_ids(client, stores, caplog):
    """The request id and the caller's trace are on the lines that a view logs."""
    lines = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(JsonFormatter(service="tiny", process="api").format(record)))

    handler = Collect()
    logging.getLogger("vetika_kit").addHandler(handler)
    try:
        stores.fault.append(RuntimeError("x"))
        trace = "0af7651916cd43dd8448eb211c80319c"
        client.get(
            "/v1/faults",
            headers={"X-Request-Id": "portal-0003", "traceparent": f"00-{trace}-b7ad6b7169203331-01"},
        )
    finally:
        logging.getLogger("vetika_kit").removeHandler(handler)
    assert lines[0]["request_id"] == "portal-0003"
    assert lines[0]["trace_id"] == trace
    assert lines[0]["span_id"] != "b7ad6b7169203331"


def test_an_api_with_an_undeclared_route_does_not_start(config, database, clock):
    """A route without @access, or a POST without @idempotent, is found before the first request."""
    blueprint = Blueprint("bad", __name__, url_prefix="/v1")

    @blueprint.route("/open", methods=["GET"])
    @blueprint.response(200)
    def undeclared() -> dict[str, str]:
        return {}

    @blueprint.route("/twice", methods=["POST"])
    @access(Role.PUBLIC)
    @blueprint.response(200)
    def forgetful() -> dict[str, str]:
        return {}

    from types import SimpleNamespace  # noqa: PLC0415

    service = SimpleNamespace(name="bad", title="Bad", version="1", outboxes=())
    with pytest.raises(UndeclaredRouteError) as caught:
        create_api(
            service=service,
            config=config,
            database=database,
            clock=clock,
            blueprints=[blueprint],
            extensions=None,
        )
    assert "GET /v1/open: no @access" in str(caught.value)
    assert "POST /v1/twice: no @idempotent" in str(caught.value)


def test_the_route_walk_finds_nothing_in_a_good_api(app):
    """Every route of the tiny service and of the kit declares itself."""
    assert undeclared_routes(app) == []


def test_the_route_walk_sees_plain_flask_routes():
    """A route that was added past the blueprints does not escape."""
    app = Flask("plain", static_folder=None)
    app.add_url_rule("/x", view_func=lambda: "", methods=["GET"], endpoint="x")
    assert undeclared_routes(app) == ["GET /x: no @access"]
