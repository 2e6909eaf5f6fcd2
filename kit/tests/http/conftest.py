"""A tiny service with one collection, on the real MongoDB."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields, validate
from pymongo.errors import DuplicateKeyError

from vetika_kit.config import Mode, ServiceConfig
from vetika_kit.http.access import Role, access, principal
from vetika_kit.http.app import create_api
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.bodies import body_limit
from vetika_kit.http.context import current_services
from vetika_kit.http.fields import LocalizedText, Text, Timestamp
from vetika_kit.http.idempotency import idempotent, request_id_for
from vetika_kit.http.indexes import ensure_indexes
from vetika_kit.http.pages import PageQuery, page, page_of
from vetika_kit.http.preconditions import require_match, set_etag
from vetika_kit.http.problems import Problem, documented_problems, not_found
from vetika_kit.http.tokens import issue, new_private_key, public_key_set


class NoteSchema(Schema):
    """A note."""

    id = fields.String(dump_only=True)
    version = fields.Integer(dump_only=True)
    title = Text(1, 40, required=True)
    body = Text(0, 2000, multiline=True, load_default="")
    name = LocalizedText(1, 40)
    due = Timestamp()
    tags = fields.List(Text(1, 10), validate=validate.Length(max=5))


class NoteQuery(PageQuery):
    """Which notes."""

    tag = fields.List(Text(1, 10))


class DoorKeySchema(Schema):
    """What opens a door."""

    door_key = fields.String(data_key="Door-Key", load_default=None)


@dataclass(frozen=True, kw_only=True)
class Stores:
    """What the views use."""

    notes: Any
    calls: list[str]
    fault: list[BaseException]


def notes_blueprint() -> Blueprint:
    """Endpoints that use everything that the kit offers."""
    blueprint = Blueprint("notes", __name__, url_prefix="/v1", description="Notes.")

    @blueprint.route("/notes", methods=["POST"])
    @access(Role.PUBLIC)
    @idempotent
    @blueprint.arguments(NoteSchema)
    @blueprint.response(201, NoteSchema)
    def add(note: dict[str, Any]) -> dict[str, Any]:
        """Add a note."""
        stores = current_services()
        stores.calls.append(note["title"])
        if stores.fault:
            raise stores.fault.pop()
        document = {"_id": request_id_for("note"), "version": 1, **note}
        try:
            stores.notes.insert_one(document)
        except DuplicateKeyError:
            document = stores.notes.find_one({"_id": document["_id"]})
        set_etag(1)
        return {**document, "id": document["_id"]}

    @blueprint.route("/notes", methods=["GET"])
    @access(Role.PUBLIC)
    @blueprint.arguments(NoteQuery, location="query")
    @blueprint.response(200, page_of(NoteSchema))
    def list_notes(query: dict[str, Any]) -> dict[str, Any]:
        """List notes."""
        return page(
            current_services().notes,
            {"tags": {"$in": query["tag"]}} if "tag" in query else {},
            query=query,
            present=lambda note: {**note, "id": note["_id"]},
        )

    @blueprint.route("/notes/<note_id>", methods=["GET"])
    @access(Role.PUBLIC)
    @blueprint.response(200, NoteSchema)
    @documented_problems(404)
    def show(*, note_id: str) -> dict[str, Any]:
        """Show a note."""
        note = _note(note_id)
        set_etag(note["version"])
        return {**note, "id": note["_id"]}

    @blueprint.route("/notes/<note_id>", methods=["PUT"])
    @access(Role.SECRETARIAT)
    @blueprint.arguments(NoteSchema)
    @blueprint.response(200, NoteSchema)
    @documented_problems(404, 412, 428)
    def change(note: dict[str, Any], *, note_id: str) -> dict[str, Any]:
        """Change a note."""
        seen = _note(note_id)
        require_match(seen["version"])
        changed = {**seen, **note, "version": seen["version"] + 1}
        current_services().notes.replace_one({"_id": note_id}, changed)
        set_etag(changed["version"])
        return {**changed, "id": note_id}

    @blueprint.route("/whoami", methods=["GET"])
    @access(Role.PUBLIC)
    @blueprint.response(200)
    def whoami() -> dict[str, Any]:
        """Tell who calls."""
        caller = principal()
        return {
            "subject": caller.subject,
            "roles": sorted(caller.roles),
            "organization": caller.organization_id,
        }

    @blueprint.route("/imports", methods=["POST"])
    @access(Role.SECRETARIAT)
    @idempotent
    @body_limit(1024 * 1024)
    @blueprint.response(200)
    def take_csv() -> dict[str, Any]:
        """Take a file."""
        from flask import request  # noqa: PLC0415 - needed by this view alone

        return {"size": len(request.get_data())}

    @blueprint.route("/faults", methods=["GET"])
    @access(Role.PUBLIC)
    @blueprint.response(200)
    def fail() -> dict[str, Any]:
        """Fail in a given way."""
        raise current_services().fault.pop()

    _door(blueprint)
    return blueprint


def _door(blueprint: Blueprint) -> None:
    @blueprint.route("/doors", methods=["POST"])
    @access(Role.PUBLIC)
    @idempotent
    @blueprint.arguments(DoorKeySchema, location="headers")
    @blueprint.response(200)
    def open_door(headers: dict[str, Any]) -> dict[str, Any]:
        """Open to who has the key."""
        return {"opened": headers["door_key"] == "sesame"}


def _note(note_id: str) -> dict[str, Any]:
    note: dict[str, Any] | None = current_services().notes.find_one({"_id": note_id})
    if note is None:
        raise not_found("note", note_id)
    return note


TINY = SimpleNamespace(name="tiny", title="Tiny", version="1.2.3", outboxes=("notes",))


@pytest.fixture(scope="session")
def signing_key() -> dict[str, Any]:
    """The key that good tokens are signed with."""
    return new_private_key(kid="test-1")


@pytest.fixture
def config(coalition, mongodb_uri, tmp_path, signing_key) -> ServiceConfig:
    """Settings of a hosted service."""
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(public_key_set(signing_key)), encoding="utf-8")
    return ServiceConfig(
        coalition=coalition,
        mode=Mode.HOSTED,
        mongodb_uri=mongodb_uri,
        kafka_bootstrap=("127.0.0.1:1",),
        jwks_file=str(jwks),
        outbox_age_limit=60.0,
    )


@pytest.fixture
def database(mongo_database) -> Any:
    """The tiny service's database, emptied."""
    database = mongo_database("tiny")
    for name in database.list_collection_names():
        database[name].delete_many({})
    ensure_indexes(database)
    return database


@pytest.fixture
def stores(database) -> Stores:
    """What the views use; faults put into it come out of the next call."""
    return Stores(notes=database["notes"], calls=[], fault=[])


@pytest.fixture
def app(config, database, clock, stores) -> Flask:
    """The API of the tiny service."""
    return create_api(
        service=TINY,
        config=config,
        database=database,
        clock=clock,
        blueprints=[notes_blueprint()],
        extensions=stores,
    )


@pytest.fixture
def client(app) -> FlaskClient:
    """Calls the API."""
    return app.test_client()


@pytest.fixture
def bearer(config, clock, signing_key) -> Callable[..., dict[str, str]]:
    """`bearer(Role.SECRETARIAT)`: headers with a good token; every claim can be changed."""

    def made(*roles: Role, **changes: Any) -> dict[str, str]:
        claims = {
            "key": signing_key,
            "subject": "someone",
            "roles": roles,
            "issuer": config.token_issuer,
            "audience": config.token_audience,
            "now": clock.now(),
            "lifetime": timedelta(hours=1),
            **changes,
        }
        return {"Authorization": f"Bearer {issue(**claims)}"}

    return made


@pytest.fixture
def problem() -> type[Problem]:
    """The exception, for faults."""
    return Problem
