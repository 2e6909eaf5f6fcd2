"""ETag, If-None-Match and If-Match: the version of an aggregate is its strong entity tag."""

from typing import Final

from flask import Response, g, request

from vetika_kit.http.problems import Problem

_OK: Final = 200
_NOT_MODIFIED: Final = 304


def set_etag(version: int) -> None:
    """Send the version as ``ETag``; a GET whose ``If-None-Match`` names it is answered 304."""
    g.vetika_etag = str(version)


def require_match(version: int) -> None:
    """Let an update pass only if the caller has seen this version.

    Raises:
        Problem: 428 without ``If-Match``, 412 when it names another version.
    """
    if "HTTP_IF_MATCH" not in request.environ:
        raise Problem(
            428, "if-match-missing", "Send If-Match with the ETag of the version that you are changing."
        )
    if not request.if_match.contains(str(version)):
        raise stale_version(version)


def stale_version(version: int | None = None) -> Problem:
    """Return the 412: somebody else changed it; ``version`` is the present one, where it is known."""
    return Problem(
        412,
        "stale-version",
        "It was changed meanwhile: read it again, and decide again.",
        headers={} if version is None else {"ETag": f'"{version}"'},
    )


def apply_etag(response: Response) -> Response:
    """Put the version that the view set on its answer (a Flask ``after_request`` function)."""
    version = g.get("vetika_etag")
    if version is None or response.status_code >= _NOT_MODIFIED:
        return response
    response.set_etag(version)
    if (
        response.status_code == _OK
        and request.method in ("GET", "HEAD")
        and request.if_none_match.contains_weak(version)
    ):
        response.status_code = _NOT_MODIFIED
        response.set_data(b"")
        response.headers.pop("Content-Type", None)
        response.headers.pop("Content-Length", None)
    return response
