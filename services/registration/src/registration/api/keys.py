"""The public keys with which tokens are checked."""

import json
from pathlib import Path
from typing import Any

from flask import Response
from marshmallow import Schema, fields

from registration.api.services import services
from vetika_kit.http.access import Role, access
from vetika_kit.http.blueprint import Blueprint

blueprint = Blueprint("keys", __name__, description="Keys of tokens")

_PUBLIC = (
    "kty",
    "crv",
    "x",
    "y",
    "kid",
    "alg",
    "use",
    "n",
    "e",
)  # never a private part, whatever the file holds


class KeySetSchema(Schema):
    """A JSON Web Key Set (RFC 7517)."""

    keys = fields.List(fields.Dict(), required=True)


@blueprint.route("/.well-known/jwks.json", methods=["GET"])
@access(Role.PUBLIC)
@blueprint.response(200, KeySetSchema)
def show_keys() -> Response:
    """Show the public keys that tokens are signed with."""
    content: dict[str, Any] = json.loads(Path(services().config.jwks_file).read_text(encoding="utf-8"))
    keys = [{name: key[name] for name in _PUBLIC if name in key} for key in content.get("keys", ())]
    response = Response(json.dumps({"keys": keys}), mimetype="application/json")
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
