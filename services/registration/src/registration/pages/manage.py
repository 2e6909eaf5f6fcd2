"""The manage page: what the link in an e-mail or SMS opens.

The key in the path is the only credential. It also keeps others from cancelling by a forged form:
who does not know the key cannot name the form's address. It must not leak, so the page sends no
referrer, loads nothing from elsewhere and is kept by no cache.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from flask import Blueprint, Response, redirect, render_template, request
from markupsafe import Markup

from registration.api.services import services
from registration.calendar import calendar_file, in_language
from registration.domain.categories import (
    ACTIVE,
    CancelledBy,
    ForumStatus,
    Language,
    RegistrationStatus,
)
from registration.messages import catalogue, message
from registration.store.registrations import Document
from vetika_kit.http.access import Role, access
from vetika_kit.http.idempotency import idempotent
from vetika_kit.ids import long_id

blueprint = Blueprint("manage", __name__, template_folder="templates")

ZONE: Final = ZoneInfo("Asia/Phnom_Penh")
_STYLE: Final = files(__package__).joinpath("templates/manage.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}


@blueprint.route("/m/<short>/<key>", methods=["GET"])
@access(Role.PUBLIC)
def show(short: str, key: str) -> Response:
    """Show the registration; with `?step=cancel`, ask whether to cancel."""
    found = services().opened_by_key(long_id(short), key)
    language = _language(found)
    if found is None:
        return _unknown(language)
    asks = request.args.get("step") == "cancel" and found["status"] in ACTIVE
    forum = services().forums.get(found["forum_id"])
    body = render_template(
        "manage.html",
        **_words(language),
        registration=found,
        path=_path(short, key),
        status_text=message(f"status_{found['status']}", language),
        place=_place(found),
        active=found["status"] in ACTIVE,
        asks=asks,
        forum=forum and _shown(forum, language),
        name=_name(found, language),
    )
    return _page(body)


@blueprint.route("/m/<short>/<key>/cancellation", methods=["POST"])
@access(Role.PUBLIC)
@idempotent
def cancel(short: str, key: str) -> Response:
    """Cancel the registration, and show the page again."""
    found = services().opened_by_key(long_id(short), key)
    language = _language(found)
    if found is None:
        return _unknown(language)
    if found["status"] in ACTIVE:
        services().settlement.cancel(found, by=CancelledBy.PARTICIPANT)
    response = redirect(f"{_path(short, key)}?lang={language}", code=303)
    response.headers.update(_HEADERS)
    return response  # type: ignore[return-value] # werkzeug's response is Flask's here


@blueprint.route("/m/<short>/<key>/forum.ics", methods=["GET"])
@access(Role.PUBLIC)
def calendar(short: str, key: str) -> Response:
    """Give the forum as a calendar file."""
    found = services().opened_by_key(long_id(short), key)
    language = _language(found)
    forum = found and services().forums.get(found["forum_id"])
    if not found or not forum:
        return _unknown(language)
    content = calendar_file(
        found,
        forum,
        language=language,
        link=services().manage_link(found),
        now=services().clock.now(),
    )
    response = Response(content, content_type="text/calendar; charset=utf-8")
    response.headers.update(_HEADERS)
    response.headers["Content-Disposition"] = 'attachment; filename="forum.ics"'
    return response


def _path(short: str, key: str) -> str:
    """Return the page's path as the browser knows it: a gateway may have taken a first part away."""
    return f"{request.script_root}/m/{short}/{key}"


def _language(registration: Document | None) -> Language:
    chosen = request.args.get("lang")
    if chosen in set(Language):
        return Language(chosen)
    if registration is not None:
        return Language(registration["language"])
    return Language.ENGLISH if request.accept_languages.best_match(list(Language)) == "en" else Language.KHMER


def _place(registration: Document) -> int | None:
    if registration["status"] != RegistrationStatus.WAITLISTED:
        return None
    return services().ledgers.place_in_line(registration["forum_id"], registration["ticket"])


def _name(registration: Document, language: Language) -> str:
    person = registration["person"]
    if person is None:
        return ""
    if language is Language.KHMER and person["name_km"]:
        return str(person["name_km"])
    return f"{person['family_name']} {person['given_name']}"


def _shown(forum: Mapping[str, Any], language: Language) -> dict[str, Any]:
    venue = forum["venue"]
    return {
        "theme": in_language(forum["theme"], language),
        "date": format_date(_local(forum["starts_at"]), format="full", locale=str(language)),
        "times": message(
            "time_range",
            language,
            begin=_time(forum["starts_at"], language),
            end=_time(forum["ends_at"], language),
        ),
        "venue": in_language(venue["name"], language),
        "address": in_language(venue["address"], language),
        "cancelled": forum["status"] == ForumStatus.CANCELLED,
    }


def _local(moment: datetime) -> datetime:
    return moment.astimezone(ZONE)


def _time(moment: datetime, language: Language) -> str:
    return format_time(_local(moment), format="H:mm", locale=str(language))


def _words(language: Language) -> dict[str, Any]:
    other = Language.KHMER if language is Language.ENGLISH else Language.ENGLISH
    return {"t": catalogue(language), "language": str(language), "other": str(other), "style": Markup(_STYLE)}  # noqa: S704 - the project's own file


def _unknown(language: Language) -> Response:
    return _page(render_template("manage_unknown.html", **_words(language)), status=404)


def _page(body: str, *, status: int = 200) -> Response:
    response = Response(body, status=status, mimetype="text/html")
    response.headers.update(_HEADERS)
    return response
