"""The texts, one TOML file a language, and the layouts that hold them.

A translator edits `texts/*.toml` and nothing else. Every text is a Jinja template without markup; the
layouts (`templates/`) are the same for all languages, so that plain text and HTML always say the same.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from notifications.domain.delivery import Language
from notifications.domain.delivery import Template as MessageTemplate


@dataclass(frozen=True, kw_only=True)
class Text:
    """The texts of one message in one language, ready to be rendered."""

    subject: Template
    heading: Template
    paragraphs: tuple[Template, ...]
    action: str | None  # what the button to the manage page says; None: no button
    notes: tuple[str, ...]
    sms: Template


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All texts of one language."""

    greeting: Template
    greeting_without_name: str
    closing: str
    footer: str
    link_note: str
    colon: str
    hours: Template
    several_days: Template
    labels: Mapping[str, str]
    roles: Mapping[str, str]
    messages: Mapping[MessageTemplate, Text]


@cache
def catalogue(language: Language) -> Catalogue:
    """Read a language's texts; once a process.

    Raises:
        KeyError: The file lacks a text.
        jinja2.TemplateSyntaxError: A text is not a template.
    """
    file = resources.files("notifications.messages") / "texts" / f"{language}.toml"
    read = tomllib.loads(file.read_text(encoding="utf-8"))
    common = read["common"]
    return Catalogue(
        greeting=_TEXTS.from_string(common["greeting"]),
        greeting_without_name=common["greeting_without_name"],
        closing=common["closing"],
        footer=common["footer"],
        link_note=common["link_note"],
        colon=common["colon"],
        hours=_TEXTS.from_string(common["hours"]),
        several_days=_TEXTS.from_string(common["several_days"]),
        labels=read["labels"],
        roles=read["roles"],
        messages={name: _text(read[name]) for name in MessageTemplate},
    )


@cache
def layout(name: str) -> Template:
    """Read a layout: `email.txt` or `email.html`, the latter escaping everything that is put in."""
    return _LAYOUTS.get_template(name)


def _text(read: Mapping[str, Any]) -> Text:
    return Text(
        subject=_TEXTS.from_string(read["subject"]),
        heading=_TEXTS.from_string(read["heading"]),
        paragraphs=tuple(_TEXTS.from_string(paragraph) for paragraph in read["paragraphs"]),
        action=read.get("action"),
        notes=tuple(read["notes"]),
        sms=_TEXTS.from_string(read["sms"]),
    )


# Texts are data for a layout, which escapes them where it must; escaped here they would be escaped twice.
_TEXTS = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - as said above
_LAYOUTS = Environment(
    loader=PackageLoader("notifications.messages"),
    undefined=StrictUndefined,
    autoescape=select_autoescape(enabled_extensions=("html",), default=False),
    keep_trailing_newline=True,
)
