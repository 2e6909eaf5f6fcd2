"""What people read, in both languages."""

import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources

import pytest
from icalendar import Calendar
from jinja2 import Environment, meta

from notifications.calendar import calendar_file
from notifications.domain.delivery import Channel, Language, Template
from notifications.domain.facts import Facts, Forum, Person, Registration
from notifications.domain.parts import Encoding
from notifications.messages.dates import when
from notifications.messages.render import email, sms

LINK = "https://forum.vetika.example/m/AZNbPnwafD6bGgEjRWeJqw/" + "K" * 16
BOTH = (Channel.EMAIL, Channel.SMS)


def _facts(template, language, *, channels=BOTH, theme=None, **more):
    return Facts(
        template=template,
        person=Person(
            person_id="p-1",
            family_name="Meas",
            given_name="Samnang",
            name_km="មាស សំណាង",
            email="samnang@cambodia.example",
            phone="+85592280685",
            language=language,
            channels=channels,
            manage_key="K",
        ),
        forum=Forum(
            forum_id="f-1",
            theme=theme or {"en": "Decentralization and Gender", "km": "វិមជ្ឈការ និងយេនឌ័រ"},
            starts_at=datetime(2026, 12, 18, 1, tzinfo=UTC),
            ends_at=datetime(2026, 12, 18, 10, tzinfo=UTC),
            venue_name={"en": "Sunway Hotel", "km": "សណ្ឋាគារ សាន់វេ"},
            venue_address={"en": "No. 1, Street 92"},
        ),
        registration=Registration(registration_id="r-1", sequence=3, reference="DF-7K3M9Q", role="speaker"),
        manage_url=LINK,
        **{
            "waitlist_number": 12,
            "cancelled_by": "participant",
            "previous_status": "confirmed",
            "reason": {"en": "The hotel was flooded.", "km": "សណ្ឋាគារលិចទឹក។"},
            **more,
        },
    )


EVERY = pytest.mark.parametrize(
    ("template", "language"), [(template, language) for template in Template for language in Language]
)


def _catalogue(language):
    file = resources.files("notifications.messages") / "texts" / f"{language}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _shape(value, path=""):
    if isinstance(value, dict):
        return {place for key, inner in value.items() for place in _shape(inner, f"{path}/{key}")}
    if isinstance(value, list):
        return {place for number, inner in enumerate(value) for place in _shape(inner, f"{path}/{number}")}
    names = meta.find_undeclared_variables(Environment(autoescape=True).parse(value))
    return {(path, *sorted(names))}


def test_both_languages_say_the_same_things():
    """Every text of one language is in the other, and names the same things."""
    assert _shape(_catalogue("en")) == _shape(_catalogue("km"))


@EVERY
def test_an_email_says_what_when_where_and_gives_the_reference(template, language):
    """Subject, plain text and HTML, with nothing left out and nothing left unfilled."""
    made = email(_facts(template, language), sender="DFWG")
    theme = "វិមជ្ឈការ" if language is Language.KM else "Decentralization"
    day = "ថ្ងៃសុក្រ ទី១៨ ខែធ្នូ ឆ្នាំ២០២៦" if language is Language.KM else "Friday, 18 December 2026"
    assert theme in made.subject
    for text in (made.text, made.html):
        assert theme in text
        assert day in text
        assert "DF-7K3M9Q" in text
        assert "{{" not in text
        assert "None" not in text
    assert f'<html lang="{language}">' in made.html


@EVERY
def test_html_holds_nothing_remote_and_no_script(template, language):
    """Nothing is loaded when the mail is opened: no picture, style, font or script from anywhere."""
    html = email(_facts(template, language), sender="DFWG").html
    assert not re.search(
        r"<(script|img|link|iframe|object|form)|url\(|@import|\bsrc=|\bon\w+=", html, re.IGNORECASE
    )
    assert set(re.findall(r'href="([^"]*)"', html)) <= {LINK}


@pytest.mark.parametrize("field", ["theme", "name", "reason", "reference"])
def test_what_people_wrote_is_text_and_not_markup(field):
    """A theme, a name or a reason with tags in it is shown as it was written."""
    evil = "<b onclick=x>&amp;"
    facts = _facts(Template.FORUM_CANCELLED, Language.EN, reason={"en": evil if field == "reason" else "x"})
    if field == "theme":
        facts = replace(facts, forum=replace(facts.forum, theme={"en": evil}))
    if field == "name":
        facts = replace(facts, person=replace(facts.person, given_name="A & B", family_name="'C'"))
    if field == "reference":
        facts = replace(facts, registration=replace(facts.registration, reference=evil))
    html = email(facts, sender="DFWG").html
    assert "<b " not in html
    assert "&amp;" in html


@pytest.mark.parametrize(
    "name", ["Win at http://evil.example", "evil.example", "a@evil.example", "x/y", "A" * 81, "<b>", "", "\n"]
)
def test_a_name_cannot_carry_a_link(name):
    """Anybody may register anybody's address: a name that mail programs make a link of is not repeated."""
    facts = _facts(Template.REGISTRATION_CONFIRMED, Language.EN)
    facts = replace(facts, person=replace(facts.person, given_name=name, family_name=""))
    made = email(facts, sender="DFWG")
    assert "Dear participant," in made.text
    assert "evil.example" not in made.text + made.html


@pytest.mark.parametrize("name", ["H.E. Sok An", "O'Connor-Meas", "ឧកញ៉ា សុខ", "Ph.D Chan", "Jr. Ly"])
def test_names_of_people_are_names(name):
    """Titles, hyphens and Khmer are no links."""
    facts = _facts(Template.REGISTRATION_CONFIRMED, Language.EN)
    facts = replace(facts, person=replace(facts.person, given_name=name, family_name=""))
    assert f"Dear {name}," in email(facts, sender="DFWG").text


@pytest.mark.parametrize("template", list(Template))
def test_an_english_sms_stays_7_bit_and_short(template):
    """One part, two with the link; curly quotes in a theme do not triple the price."""
    theme = {"en": "Women\u2019s “voices” \u2013 Decentralization and Gender"}
    made = sms(_facts(template, Language.EN, theme=theme), sender="DFWG")
    assert (made.parts.encoding, len(made.parts)) == (Encoding.GSM_7BIT, 1)
    only = sms(_facts(template, Language.EN, theme=theme, channels=(Channel.SMS,)), sender="DFWG")
    assert len(only.parts) <= 2
    assert (LINK in only.text) == ("cancelled" not in template)


@pytest.mark.parametrize("template", list(Template))
def test_a_khmer_sms_is_short(template):
    """Two parts of 67 units; three with the link, four for who is told of the line besides."""
    made = sms(_facts(template, Language.KM), sender="DFWG")
    assert (made.parts.encoding, len(made.parts) <= 2) == (Encoding.UCS_2, True)
    only = sms(_facts(template, Language.KM, channels=(Channel.SMS,)), sender="DFWG")
    assert len(only.parts) <= (4 if template is Template.REGISTRATION_WAITLISTED else 3)


@pytest.mark.parametrize("language", list(Language))
def test_a_long_theme_is_shortened_and_never_the_link(language):
    """An SMS is paid by the part; the theme gives way, the reference and the link do not."""
    theme = {"en": "Decentralization and everything " * 6, "km": "វិមជ្ឈការនិងអភិវឌ្ឍន៍" * 9}
    made = sms(
        _facts(Template.REGISTRATION_CONFIRMED, language, theme=theme, channels=(Channel.SMS,)), sender="DFWG"
    )
    assert len(made.parts) <= 4
    assert "DF-7K3M9Q" in made.text
    assert LINK in made.text
    assert "..." in made.text or "…" in made.text


@pytest.mark.parametrize(
    ("language", "day", "hours", "short"),
    [
        (
            Language.EN,
            "Friday, 18 December 2026",
            "8:00 AM to 5:30 PM (Phnom Penh time)",
            "Fri 18 Dec 2026, 8:00 AM",
        ),
        (
            Language.KM,
            "ថ្ងៃសុក្រ ទី១៨ ខែធ្នូ ឆ្នាំ២០២៦",
            "ម៉ោង ៨:០០ ព្រឹក ដល់ ម៉ោង ៥:៣០ ល្ងាច (ម៉ោងនៅភ្នំពេញ)",
            "ថ្ងៃទី១៨ ធ្នូ ២០២៦ ម៉ោង ៨:០០ ព្រឹក",
        ),
    ],
)
def test_days_and_hours_are_those_of_phnom_penh(language, day, hours, short):
    """One o'clock UTC is eight in the morning there, in the words and digits of the language."""
    written = when(
        begins=datetime(2026, 12, 18, 1, tzinfo=UTC),
        ends=datetime(2026, 12, 18, 10, 30, tzinfo=UTC),
        language=language,
    )
    assert (written.day, written.hours, written.short) == (day, hours, short)


def test_the_day_is_phnom_penhs_where_utc_has_another():
    """Half past midnight there is still the day before in UTC; several days are written as such."""
    written = when(
        begins=datetime(2026, 12, 17, 17, 30, tzinfo=UTC),
        ends=datetime(2026, 12, 19, 5, tzinfo=UTC),
        language=Language.EN,
    )
    assert written.day == "Friday, 18 December 2026 to Saturday, 19 December 2026"
    assert written.hours == "12:30 AM to 12:00 PM (Phnom Penh time)"


@pytest.mark.parametrize(
    ("template", "previous", "status"),
    [
        (Template.REGISTRATION_CONFIRMED, None, "CONFIRMED"),
        (Template.REGISTRATION_PROMOTED, None, "CONFIRMED"),
        (Template.REGISTRATION_WAITLISTED, None, None),
        (Template.REGISTRATION_CANCELLED, "confirmed", "CANCELLED"),
        (Template.REGISTRATION_CANCELLED, "waitlisted", None),
        (Template.FORUM_CANCELLED, "confirmed", "CANCELLED"),
        (Template.FORUM_CANCELLED, "waitlisted", None),
    ],
)
def test_the_calendar_follows_the_seat(template, previous, status, now):
    """An entry comes with a seat and goes with it; who only waited has none to take back."""
    content = calendar_file(
        _facts(template, Language.KM, previous_status=previous),
        organizer="forum@vetika.example",
        organizer_name="DFWG, វេទិកា",
        now=now,
    )
    if status is None:
        assert content is None
        return
    calendar = Calendar.from_ical(content)
    assert calendar["METHOD"] == "PUBLISH"
    (event,) = calendar.walk("VEVENT")
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == ("r-1", 3, status)
    assert event.decoded("DTSTART") == datetime(2026, 12, 18, 1, tzinfo=UTC)
    assert event["SUMMARY"] == "វិមជ្ឈការ និងយេនឌ័រ"
    assert event["ORGANIZER"] == "mailto:forum@vetika.example"
    assert max(map(len, content.split(b"\r\n"))) <= 75
