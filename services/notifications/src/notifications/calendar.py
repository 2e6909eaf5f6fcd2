"""The calendar file that goes with a message (RFC 5545, published as RFC 5546 3.2.1 says)."""

from datetime import datetime

from icalendar import Calendar, Event, vCalAddress, vText

from notifications.domain.delivery import Template
from notifications.domain.facts import Facts, in_language

_STATUS = {
    Template.REGISTRATION_CONFIRMED: "CONFIRMED",
    Template.REGISTRATION_PROMOTED: "CONFIRMED",
    Template.REGISTRATION_CANCELLED: "CANCELLED",
    Template.FORUM_CANCELLED: "CANCELLED",
}


def calendar_file(facts: Facts, *, organizer: str, organizer_name: str, now: datetime) -> bytes | None:
    """Return the file, or None where a message changes nothing in a calendar.

    Who only waited has no entry that a cancellation could take back. Times are UTC, which every
    calendar shows in its owner's own zone.
    """
    status = _STATUS.get(facts.template)
    if status is None or (status == "CANCELLED" and facts.previous_status == "waitlisted"):
        return None
    language, forum = facts.person.language, facts.forum
    place = (in_language(forum.venue_name, language), in_language(forum.venue_address, language))
    event = Event()
    event.add("uid", facts.registration.registration_id)
    event.add("sequence", facts.registration.sequence)
    event.add("dtstamp", now)
    event.add("dtstart", forum.starts_at)
    event.add("dtend", forum.ends_at)
    event.add("summary", in_language(forum.theme, language))
    event.add("location", ", ".join(part for part in place if part))
    event.add("description", f"{facts.registration.reference}\n{facts.manage_url}")
    event.add("url", facts.manage_url)
    event.add("status", status)
    event.add("transp", "OPAQUE" if status == "CONFIRMED" else "TRANSPARENT")
    address = vCalAddress(f"mailto:{organizer}")
    address.params["CN"] = vText(organizer_name)
    event.add("organizer", address)
    calendar = Calendar()
    calendar.add("prodid", "-//Vetika//Notifications//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content
