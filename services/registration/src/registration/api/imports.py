"""Imports: a list of applications as a file, and the report of what became of every row."""

import csv
import io
from collections.abc import Mapping
from typing import Any, Final

from flask import Response, request
from marshmallow import Schema, fields

from registration.api.registrations import busy
from registration.api.services import services
from registration.domain.categories import RegistrationStatus
from registration.domain.findings import Reason
from registration.domain.refusals import AdmissionError, ForumUnknownError
from registration.domain.sheets import COLUMNS, MAX_ROWS, UnreadableFileError
from registration.importing import UNCHANGED
from registration.messages import explained
from registration.store.imports import ImportState, findings_of
from vetika_kit.http.access import Role, access, principal
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.bodies import HIGHEST_LIMIT, body_limit
from vetika_kit.http.fields import Timestamp
from vetika_kit.http.idempotency import idempotent
from vetika_kit.http.problems import Problem, documented_problems, not_found
from vetika_kit.ids import new_id

blueprint = Blueprint("imports", __name__, description="Lists of applications")

_CSV: Final = frozenset({"text/csv", "application/csv", "application/vnd.ms-excel"})
_BODY: Final = {
    "required": True,
    "content": {
        "text/csv": {
            "schema": {
                "type": "string",
                "description": f"UTF-8, a header with {', '.join(COLUMNS)}, at most {MAX_ROWS} rows.",
            }
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        },
    },
}
_FILE_PROBLEMS: Final[Mapping[str, str]] = {
    "empty": "The file is empty.",
    "not_utf8": "The file is not encoded in UTF-8; save it as CSV UTF-8.",
    "missing_columns": "The header lacks: {columns}.",
    "unknown_columns": "The header has unknown columns: {columns}.",
    "repeated_columns": "The header has a column twice: {columns}.",
    "too_many_rows": "The file has more than {limit} rows; split it.",
}


class MessagesSchema(Schema):
    """A text in both languages."""

    en = fields.String(required=True)
    km = fields.String(required=True)


class FindingSchema(Schema):
    """What is wrong with a row."""

    line = fields.Integer(
        required=True, metadata={"description": "Of the file, counted from 1, where the row begins."}
    )
    column = fields.String(required=True, allow_none=True)
    reason = fields.Enum(Reason, by_value=True, required=True)
    messages = fields.Nested(MessagesSchema, required=True)


class ImportSchema(Schema):
    """An import and what became of its rows."""

    id = fields.String(required=True)
    forum_id = fields.String(required=True)
    state = fields.Enum(
        ImportState,
        by_value=True,
        required=True,
        metadata={"description": "interrupted: send the same file again, it goes on where it stopped."},
    )
    rows = fields.Integer(required=True)
    confirmed = fields.Integer(required=True)
    waitlisted = fields.Integer(required=True)
    unchanged = fields.Integer(required=True, metadata={"description": "Imported before."})
    refused = fields.Integer(required=True, metadata={"description": "Rows that stand in `findings`."})
    findings = fields.List(fields.Nested(FindingSchema), required=True)
    began_at = Timestamp(required=True)


@blueprint.route("/v1/forums/<forum_id>/imports", methods=["POST"])
@body_limit(HIGHEST_LIMIT)
@access(Role.SECRETARIAT)
@idempotent
@blueprint.response(201, ImportSchema)
@documented_problems(400, 404, 413, 415, 422, 503)
@blueprint.doc(requestBody=_BODY)
def import_list(forum_id: str) -> dict[str, Any]:
    """Register everybody on a list: every good row as a request would, every bad one is named."""
    content = _content()
    import_id = new_id()
    try:
        services().importing.run(content, forum_id=forum_id, import_id=import_id, by=principal().subject)
    except UnreadableFileError as error:
        detail = _FILE_PROBLEMS[error.code].format(**error.details)
        raise Problem(422, "unreadable-import", detail) from None
    except ForumUnknownError:
        raise not_found("forum", forum_id) from None
    except AdmissionError:
        raise busy() from None
    return _presented(_import(import_id))


@blueprint.route("/v1/imports/<import_id>", methods=["GET"])
@access(Role.SECRETARIAT)
@blueprint.response(200, ImportSchema)
@documented_problems(404)
def show_import(import_id: str) -> dict[str, Any]:
    """Show the report of an import."""
    return _presented(_import(import_id))


@blueprint.route("/v1/imports/<import_id>/report.csv", methods=["GET"])
@access(Role.SECRETARIAT)
@blueprint.response(200, content_type="text/csv")
@documented_problems(404)
def show_report(import_id: str) -> Response:
    """Show the findings of an import as a table for a spreadsheet."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["line", "column", "reason", "en", "km"])
    for finding in findings_of(_import(import_id)):
        texts = explained(finding)
        writer.writerow([finding.line, finding.column or "", finding.reason, texts["en"], texts["km"]])
    # With a byte order mark: spreadsheets take the file for something else without.
    response = Response(table.getvalue().encode("utf-8-sig"), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="import-{import_id}.csv"'
    return response


def _content() -> bytes:
    if request.mimetype in _CSV:
        return request.get_data(cache=True)
    if request.mimetype == "multipart/form-data":
        file = request.files.get("file")
        if file is None:
            raise Problem(422, "invalid-fields", "Send the list as the form's part `file`.")
        return file.stream.read()
    raise Problem(415, "unsupported-content-type", "Send the list as text/csv or multipart/form-data.")


def _import(import_id: str) -> dict[str, Any]:
    found = services().imports.get(import_id, now=services().clock.now())
    if found is None:
        raise not_found("import", import_id)
    return found


def _presented(document: dict[str, Any]) -> dict[str, Any]:
    findings = findings_of(document)
    outcomes = document["outcomes"]
    return {
        "id": document["_id"],
        "forum_id": document["forum_id"],
        "state": ImportState(document["state"]),
        "rows": document["rows"],
        "confirmed": outcomes.get(RegistrationStatus.CONFIRMED, 0),
        "waitlisted": outcomes.get(RegistrationStatus.WAITLISTED, 0),
        "unchanged": outcomes.get(UNCHANGED, 0),
        "refused": len({finding.line for finding in findings}),
        "findings": [
            {
                "line": finding.line,
                "column": finding.column,
                "reason": finding.reason,
                "messages": explained(finding),
            }
            for finding in findings
        ],
        "began_at": document["began_at"],
    }
