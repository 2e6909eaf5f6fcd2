"""Errors as answers: RFC 9457 problem+json with a stable type and nothing internal."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar

from flask import Response, current_app
from marshmallow import Schema, fields

from vetika_kit.http.exchanges import current_request_id

PROBLEM_TYPE: Final = "application/problem+json"
DOCUMENTED: Final = "vetika_problems"  # a view's attribute: the statuses that it answers problems with

AnyView = TypeVar("AnyView", bound=Callable[..., Any])


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An answer other than the one hoped for.

    Args:
        status: The HTTP status.
        slug: Names the kind of problem for good: its ``type`` is ``/problems/<slug>``.
        detail: What is wrong with this request, for the developer who made it. No personal data.
        title: The kind in a few words; the status' own words when left out.
        errors: One entry a wrong field: ``{"pointer": "/a/0/b", "detail": …}``; for a part of the URL or
            a header ``{"parameter": "limit", "detail": …}``.
        headers: Headers to send with it, such as ``Retry-After``.
        members: Further members of the problem document.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        title: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{status} {slug}: {detail}")
        self.status = status
        self.slug = slug
        self.detail = detail
        self.title = title or HTTPStatus(status).phrase
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.members = members

    def document(self) -> dict[str, Any]:
        """Return the problem document; ``instance`` is the request's id, which the logs carry too."""
        document: dict[str, Any] = {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": current_request_id(),
        }
        if self.errors:
            document["errors"] = [dict(error) for error in self.errors]
        return document | self.members

    def response(self) -> Response:
        """Return the problem as a Flask response."""
        response = Response(
            current_app.json.dumps(self.document()), status=self.status, content_type=PROBLEM_TYPE
        )
        response.headers.update(self.headers)
        return response


def not_found(what: str, id_: str) -> Problem:
    """Return a 404: there is no ``what`` of this id, or not for this caller."""
    return Problem(404, "not-found", f"There is no {what} {id_[:64]!r}.")


def conflict(slug: str, detail: str) -> Problem:
    """Return a 409: the request does not fit the present state."""
    return Problem(409, slug, detail)


def invalid(*errors: Mapping[str, str], detail: str = "Some fields break a rule.") -> Problem:
    """Return a 422 that names fields: ``{"pointer": "/email", "detail": …}`` each."""
    return Problem(422, "invalid-fields", detail, errors=errors)


def documented_problems(*statuses: int) -> Callable[[AnyView], AnyView]:
    """Name, for the OpenAPI document, statuses that a view itself answers with a problem.

    Those that the kit answers (401, 403, 413, 415, 422, 503 …) are documented without being named.
    412 and 428 also document the ``If-Match`` header.
    """

    def decorate(view: AnyView) -> AnyView:
        setattr(view, DOCUMENTED, (*getattr(view, DOCUMENTED, ()), *statuses))
        return view

    return decorate


class FieldErrorSchema(Schema):
    """One wrong field or parameter."""

    pointer = fields.String(metadata={"description": "JSON Pointer (RFC 6901) into the body."})
    parameter = fields.String(metadata={"description": "Name of the query parameter, path part or header."})
    detail = fields.String(required=True, metadata={"description": "What is wrong with it."})


class ProblemSchema(Schema):
    """A problem (RFC 9457)."""

    type = fields.String(required=True, metadata={"description": "Names the kind of problem; never changes."})
    title = fields.String(required=True, metadata={"description": "The kind of problem in a few words."})
    status = fields.Integer(required=True, metadata={"description": "The HTTP status."})
    detail = fields.String(required=True, metadata={"description": "What is wrong with this request."})
    instance = fields.String(required=True, metadata={"description": "The request's id."})
    errors = fields.List(
        fields.Nested(FieldErrorSchema), metadata={"description": "The fields that are wrong, each with why."}
    )
