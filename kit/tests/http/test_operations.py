"""Health, metrics, back-pressure, faults of the database, and the API's description."""

import re
import time
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import jsonschema
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from pymongo import MongoClient, monitoring
from pymongo.errors import (
    AutoReconnect,
    ExecutionTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

from vetika_kit.http.access import Role
from vetika_kit.http.app import create_api
from vetika_kit.outbox import StaleVersionError


@pytest.mark.parametrize(
    "fault",
    [
        AutoReconnect("x"),
        ServerSelectionTimeoutError("x"),
        WaitQueueTimeoutError("x"),
        ExecutionTimeout("x"),
        OperationFailure("x", 112, {"errorLabels": ["TransientTransactionError"]}),
    ],
)
def test_a_database_that_is_away_is_a_503(client, stores, fault):
    """The caller is told to come back, not that the service is broken."""
    stores.fault.append(fault)
    response = client.get("/v1/faults")
    assert response.status_code == 503
    assert response.json["type"] == "/problems/database-unavailable"
    assert int(response.headers["Retry-After"]) > 0


def test_a_refusal_by_the_database_is_our_own_fault(client, stores):
    """A command that MongoDB refuses is a 500."""
    stores.fault.append(OperationFailure("unknown operator: $foo", 2))
    response = client.get("/v1/faults")
    assert response.status_code == 500
    assert "$foo" not in response.text


def test_a_lost_race_is_a_409(client, stores):
    """Two who change one thing at once: one is told to read again."""
    stores.fault.append(StaleVersionError("x"))
    response = client.get("/v1/faults")
    assert response.status_code == 409
    assert response.json["type"] == "/problems/concurrent-change"
    stores.fault.append(StaleVersionError("x"))
    conditional = client.get("/v1/faults", headers={"If-Match": '"1"'})
    assert conditional.status_code == 412
    assert conditional.json["type"] == "/problems/stale-version"


def test_a_number_that_no_database_holds_is_a_422(client, stores):
    """A schema that forgot a range does not make a 500."""
    stores.fault.append(OverflowError("MongoDB can only handle up to 8-byte ints"))
    assert client.get("/v1/faults").status_code == 422


def test_live_touches_nothing_and_ready_needs_the_database(config, clock, mongodb_uri):
    """Without MongoDB the process is alive and not ready; probes look at no token."""
    commands = []

    class Listener(monitoring.CommandListener):
        def started(self, event):
            commands.append(event.command_name)

        def succeeded(self, event):
            pass

        def failed(self, event):
            pass

    nowhere = MongoClient("mongodb://127.0.0.1:1/?directConnection=true", event_listeners=[Listener()])
    app = create_api(
        service=SimpleNamespace(name="tiny", title="T", version="1", outboxes=("notes",)),
        config=config, database=nowhere["tiny"], clock=clock, blueprints=[], extensions=None,
    )  # fmt: skip
    client = app.test_client()
    token = {"Authorization": "Bearer nonsense"}
    assert client.get("/livez", headers=token).status_code == 200
    began = time.monotonic()
    response = client.get("/readyz", headers=token)
    assert response.status_code == 503
    assert response.content_type == "application/problem+json"
    assert time.monotonic() - began < 3
    assert commands == []
    nowhere.close()


def test_ready_tells_how_long_events_wait(client, stores, clock, database):
    """Kafka does not decide about readiness; its state is told as far as a living relay knows it."""
    ready = {"status": "ready", "mongodb": "reached", "oldest_event_seconds": None}
    assert client.get("/readyz").json == {**ready, "kafka": "unknown"}
    database["relay_members"].insert_one({"_id": "r", "expires_at": clock.now() + timedelta(hours=1)})
    assert client.get("/readyz").json == {**ready, "kafka": "reached"}
    stores.notes.insert_one({"_id": "x", "outbox": {"since": clock.now() - timedelta(seconds=30)}})
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["kafka"] == "behind"
    assert answer.json["oldest_event_seconds"] == 30


def test_requests_are_counted_by_route_and_never_by_path(client):
    """The label is the template, so neither ids nor people become metrics."""
    labels = {"route": "/v1/notes/<note_id>", "method": "GET", "status": "404"}
    before = REGISTRY.get_sample_value("vetika_http_requests_total", labels) or 0
    client.get("/v1/notes/sok@example.com")
    client.open("/nowhere", method="BREW")
    assert REGISTRY.get_sample_value("vetika_http_requests_total", labels) == before + 1
    shown = client.get("/metrics")
    assert shown.status_code == 200
    assert "sok" not in shown.text
    assert 'route="(none)"' in shown.text
    assert 'method="(other)"' in shown.text
    families = {family.name for family in text_string_to_metric_families(shown.text)}
    assert "vetika_http_request_duration_seconds" in families


def test_every_metric_of_ours_has_a_label():
    """A metric without a label would make its value at import, before the API's processes share theirs."""
    from vetika_kit import metrics  # noqa: PLC0415

    ours = [value for value in vars(metrics).values() if hasattr(value, "_labelnames")]
    assert ours
    assert all(metric._labelnames for metric in ours)
    assert all(metric._name.startswith("vetika_") for metric in ours)


def test_writes_are_refused_while_events_cannot_leave(client, app, stores, clock, bearer, eventually):
    """Past the limit POSTs under /v1 are 503; reads and operators go on; it ends when the outbox is empty."""
    stores.notes.insert_one({"_id": "x", "outbox": {"since": clock.now() - timedelta(seconds=61)}})
    refused = client.post("/v1/notes", json={"title": "a"})
    assert refused.status_code == 503
    assert refused.json["type"] == "/problems/outbox-full"
    assert int(refused.headers["Retry-After"]) > 0
    assert client.get("/v1/notes").status_code == 200
    resumed = client.post("/admin/consumers/resumption", headers=bearer(Role.OPERATOR))
    assert resumed.status_code == 409
    stores.notes.delete_one({"_id": "x"})
    eventually(lambda: client.post("/v1/notes", json={"title": "a"}).status_code == 201)


def test_a_young_outbox_refuses_nothing(client, stores, clock):
    """Events that wait for less than the limit are everyday life."""
    stores.notes.insert_one({"_id": "x", "outbox": {"since": clock.now() - timedelta(seconds=59)}})
    assert client.post("/v1/notes", json={"title": "a"}).status_code == 201


def test_back_pressure_looks_once_a_second(config, clock, mongodb_uri, stores, mongo_database):
    """Twenty writes within a second cost one look at the outbox."""
    looks = []

    class Listener(monitoring.CommandListener):
        def started(self, event):
            if event.command_name == "find" and "outbox.since" in str(event.command["filter"]):
                looks.append(1)

        def succeeded(self, event):
            pass

        def failed(self, event):
            pass

    with MongoClient(mongodb_uri, tz_aware=True, event_listeners=[Listener()]) as watched:
        from vetika_kit.http.backpressure import OutboxGauge  # noqa: PLC0415

        gauge = OutboxGauge(watched[mongo_database("tiny").name], ("notes",), limit=1.0, clock=clock)
        for _ in range(20):
            gauge.check("POST", "/v1/notes")
            gauge.check("GET", "/v1/notes")
            gauge.check("POST", "/admin/x")
    assert 1 <= len(looks) <= 2


def test_back_pressure_that_cannot_look_refuses_nothing(clock):
    """When the look itself fails, the write finds out by itself."""
    from vetika_kit.http.backpressure import OutboxGauge  # noqa: PLC0415

    nowhere = MongoClient("mongodb://127.0.0.1:1/?directConnection=true")
    OutboxGauge(nowhere["x"], ("notes",), limit=1.0, clock=clock).check("POST", "/v1/notes")
    nowhere.close()


def test_the_document_describes_what_the_kit_does(client):
    """Security, problems, the idempotency key and If-Match are in the OpenAPI document of every operation."""
    document = client.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    add = document["paths"]["/v1/notes"]["post"]
    assert "Idempotency-Key" in [parameter["name"] for parameter in add["parameters"]]
    assert {"201", "400", "401", "409", "413", "415", "422", "503"} <= set(add["responses"])
    assert "application/problem+json" in add["responses"]["422"]["content"]
    assert {} in add["security"]
    change = document["paths"]["/v1/notes/{note_id}"]["put"]
    assert change["security"] == [{"bearer": []}]
    assert "If-Match" in [parameter["name"] for parameter in change["parameters"]]
    assert {"403", "404", "412", "428"} <= set(change["responses"])
    assert "default" not in change["responses"]
    assert "/admin/dead-letters/{letter_id}/replay" in document["paths"]
    operation_ids = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
    ]
    assert len(operation_ids) == len(set(operation_ids))


def test_every_reference_of_the_document_leads_somewhere(client):
    """No $ref points at nothing, and every schema is a valid JSON Schema."""
    response = client.get("/openapi.json")
    document = response.json
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', response.text)):
        found = document
        for part in reference.split("/"):
            found = found[part]
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_docs_page_needs_nothing_from_elsewhere(client):
    """One HTML page with operations, schemas and problems; no script, no foreign address."""
    response = client.get("/docs")
    assert response.status_code == 200
    assert response.mimetype == "text/html"
    for part in (
        "/v1/notes/{note_id}",
        "Add a note.",
        'id="schema-Note"',
        "/problems/outbox-full",
        "maxLength",
        "≤ 40",
    ):
        if part == "maxLength":
            assert part not in response.text
        else:
            assert part in response.text, part
    assert "<script" not in response.text
    assert not re.search(r"(src|href)=\"(https?:)?//", response.text)
    assert client.get("/docs", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_a_kind_of_problem_can_be_looked_up(client):
    """A problem's type is an address that explains it."""
    assert "Retry" in client.get("/problems/too-many-requests").json["description"]
    assert client.get("/problems/unheard-of").status_code == 404


def test_https_is_insisted_on_where_it_is_used(config, database, clock):
    """Behind a public https address browsers are told to stay with it."""
    app = create_api(
        service=SimpleNamespace(name="tiny", title="T", version="1", outboxes=()),
        config=replace(config, public_url="https://forum.example"),
        database=database, clock=clock, blueprints=[], extensions=None,
    )  # fmt: skip
    assert "max-age" in app.test_client().get("/livez").headers["Strict-Transport-Security"]


def test_links_begin_with_the_path_that_a_gateway_takes_away(config, database, clock):
    """Below `https://forum.example/library` a service is asked for `/docs`; links lead to `/library/…`."""
    app = create_api(
        service=SimpleNamespace(name="tiny", title="T", version="1", outboxes=()),
        config=replace(config, public_url="https://forum.example/library/"),
        database=database, clock=clock, blueprints=[], extensions=None,
    )  # fmt: skip
    client = app.test_client()
    page = client.get("/docs")
    assert page.status_code == 200
    assert 'href="/library/openapi.json"' in page.text
    assert client.get("/openapi.json").json["servers"] == [{"url": "https://forum.example/library/"}]
