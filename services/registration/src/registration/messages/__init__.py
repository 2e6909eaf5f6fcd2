"""What people read, in English and Khmer."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from registration.domain.categories import Language
from registration.domain.findings import Finding


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """Return all messages of a language."""
    text = files(__package__).joinpath(f"{language}.json").read_text(encoding="utf-8")
    messages: Mapping[str, str] = json.loads(text)
    return messages


def message(name: str, language: Language, **details: str | int) -> str:
    """Return a message with its details filled in."""
    return catalogue(language)[name].format(**details)


def explained(finding: Finding) -> dict[str, str]:
    """Return what is wrong with a row, in both languages."""
    return {
        str(language): message(finding.reason, language, **finding.details)
        for language in (Language.ENGLISH, Language.KHMER)
    }
