"""A message from the facts: e-mail as subject, plain text and HTML; SMS as a text that is short enough."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from notifications.domain.delivery import Language, Template
from notifications.domain.facts import Facts, in_language
from notifications.domain.parts import Encoding, Parts, encoding_of, shorten, split, without_typography
from notifications.messages.catalogue import Catalogue, catalogue, layout
from notifications.messages.dates import digits, when

# What is listed under the text of each e-mail.
_ROWS: Mapping[Template, tuple[str, ...]] = MappingProxyType(
    {
        Template.REGISTRATION_CONFIRMED: ("theme", "day", "hours", "venue", "role", "reference"),
        Template.REGISTRATION_PROMOTED: ("theme", "day", "hours", "venue", "role", "reference"),
        Template.REGISTRATION_WAITLISTED: ("theme", "day", "hours", "venue", "number", "reference"),
        Template.REGISTRATION_CANCELLED: ("theme", "day", "reference"),
        Template.FORUM_CANCELLED: ("theme", "day", "venue", "reference"),
    }
)
_FONTS = {
    Language.EN: "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif",
    Language.KM: "'Noto Sans Khmer','Khmer OS Battambang','Khmer OS','Khmer Sangam MN','Leelawadee UI',"
    "'Khmer UI',sans-serif",
}
# Khmer stacks signs above and below the line.
_LINE_HEIGHTS = {Language.EN: "1.5", Language.KM: "1.9"}

# Each part of an SMS is paid for. A theme, a place or a reason that would make it longer is shortened,
# in these steps (sixteen-bit units); the link and the reference never are.
_WANTED_PARTS = {Encoding.GSM_7BIT: 2, Encoding.UCS_2: 4}
_SHORTER = (80, 60, 45, 32, 20)

_LONGEST_SUBJECT = 150
_LONGEST_NAME = 80
# Anybody may register anybody's address under any name. A name that a mail program would turn into a link
# would let a stranger send links in our name.
_LINK_LIKE = re.compile(r"[/\\@<>]|\w\.\w{2,}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, kw_only=True)
class Email:
    """What an e-mail says."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, kw_only=True)
class Sms:
    """What an SMS says."""

    text: str
    parts: Parts


def email(facts: Facts, *, sender: str) -> Email:
    """Render an e-mail in the person's language; `sender` signs it."""
    language = facts.person.language
    texts = catalogue(language)
    message = texts.messages[facts.template]
    words = _words(facts, sender=sender)
    subject = shorten(message.subject.render(words), limit=_LONGEST_SUBJECT)
    content = {
        "language": str(language),
        "subject": subject,
        "heading": message.heading.render(words),
        "greeting": _greeting(facts, texts),
        "paragraphs": [text for part in message.paragraphs if (text := part.render(words).strip())],
        "rows": list(_rows(facts, texts=texts, words=words)),
        "colon": texts.colon,
        "link": facts.manage_url if message.action else "",
        "action": message.action,
        "link_note": texts.link_note,
        "notes": message.notes,
        "closing": texts.closing,
        "sender": sender,
        "footer": texts.footer,
        "fonts": _FONTS[language],
        "line_height": _LINE_HEIGHTS[language],
    }
    return Email(
        subject=subject,
        text=layout("email.txt").render(content),
        html=layout("email.html").render(content),
    )


def sms(facts: Facts, *, sender: str) -> Sms:
    """Render an SMS in the person's language.

    The manage link costs a part or two and is for those whom no e-mail brings it.
    """
    message = catalogue(facts.person.language).messages[facts.template]
    words = _words(facts, sender=sender)
    if facts.person.email and "email" in facts.person.channels:
        words["link"] = ""
    for limit in (None, *_SHORTER):
        if limit is not None:
            words |= {name: shorten(words[name], limit=limit) for name in ("theme", "venue", "reason")}
        text = message.sms.render(words)
        plain = without_typography(text)
        if encoding_of(plain) is Encoding.GSM_7BIT:
            text = plain
        parts = split(text)
        if len(parts) <= _WANTED_PARTS[parts.encoding]:
            break
    return Sms(text=text, parts=parts)


def _words(facts: Facts, *, sender: str) -> dict[str, Any]:
    language = facts.person.language
    time = when(begins=facts.forum.starts_at, ends=facts.forum.ends_at, language=language)
    number = facts.waitlist_number
    return {
        "sender": sender,
        "theme": _line(in_language(facts.forum.theme, language)),
        "day": time.day,
        "day_short": time.day_short,
        "hours": time.hours,
        "when": time.short,
        "venue": _line(in_language(facts.forum.venue_name, language)),
        "reference": facts.registration.reference,
        "number": digits(str(number), language) if number else "",
        "link": facts.manage_url,
        "reason": _line(in_language(facts.reason, language)),
        "cancelled_by": facts.cancelled_by,
        "previous_status": facts.previous_status,
    }


def _rows(facts: Facts, *, texts: Catalogue, words: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    language = facts.person.language
    address = _line(in_language(facts.forum.venue_address, language))
    between = ", " if language is Language.EN else " "
    shown = {
        **words,
        "venue": between.join(text for text in (words["venue"], address) if text),
        "role": texts.roles.get(facts.registration.role, ""),
    }
    for name in _ROWS[facts.template]:
        if shown[name]:
            yield texts.labels[name], shown[name]


def _greeting(facts: Facts, texts: Catalogue) -> str:
    name = _line(facts.person.name(facts.person.language))
    if not name or len(name) > _LONGEST_NAME or _LINK_LIKE.search(name):
        return texts.greeting_without_name
    return texts.greeting.render(name=name)


def _line(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()
