"""The calendar file of a registration."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import icalendar

from registration.domain.categories import ForumStatus, Language, RegistrationStatus


def in_language(text: Mapping[str, str] | None, language: Language) -> str:
    """Return a text in a language, or in the other where it has only that."""
    if not text:
        return ""
    return text.get(language) or next(iter(text.values()))


def calendar_file(
    registration: Mapping[str, Any],
    forum: Mapping[str, Any],
    *,
    language: Language,
    link: str,
    now: datetime,
) -> bytes:
    """Return the iCalendar file (RFC 5545) by which a forum comes into somebody's calendar.

    The same registration is always the same calendar entry: a file that is opened again replaces it.
    """
    event = icalendar.Event()
    event.add("uid", f"{registration['_id']}@vetika")
    event.add("sequence", registration["version"] + forum["version"])
    event.add("dtstamp", now)
    event.add("dtstart", forum["starts_at"])
    event.add("dtend", forum["ends_at"])
    event.add("summary", in_language(forum["theme"], language))
    venue = forum["venue"]
    place = [in_language(venue["name"], language), in_language(venue["address"], language)]
    event.add("location", ", ".join(part for part in place if part))
    event.add("description", registration["reference"])
    event.add("url", link)
    event.add("status", _status(registration, forum))
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Vetika//registration//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _status(registration: Mapping[str, Any], forum: Mapping[str, Any]) -> str:
    if registration["status"] == RegistrationStatus.CANCELLED or forum["status"] == ForumStatus.CANCELLED:
        return "CANCELLED"
    return "CONFIRMED" if registration["status"] == RegistrationStatus.CONFIRMED else "TENTATIVE"
