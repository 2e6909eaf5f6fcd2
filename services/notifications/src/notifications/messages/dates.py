"""Days and hours as people in Phnom Penh read them."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from notifications.domain.delivery import Language
from notifications.messages.catalogue import catalogue

PHNOM_PENH = ZoneInfo("Asia/Phnom_Penh")

_NOON = 12
_DAY = {
    Language.EN: "EEEE, d MMMM y",
    Language.KM: "'ថ្ងៃ'EEEE 'ទី'd 'ខែ'MMMM 'ឆ្នាំ'y",
}
_SHORT_DAY = {Language.EN: "EEE d MMM y", Language.KM: "'ថ្ងៃទី'd MMMM y"}
_KHMER_DIGITS = str.maketrans("0123456789", "០១២៣៤៥៦៧៨៩")
# The hour at which each part of the day begins. CLDR has words for them too, but those of a sentence
# ("in the morning"), where a letter writes the bare word behind the hour.
_KHMER_DAY_PARTS = ((19, "យប់"), (17, "ល្ងាច"), (13, "រសៀល"), (12, "ថ្ងៃត្រង់"), (0, "ព្រឹក"))


@dataclass(frozen=True, kw_only=True)
class When:
    """When a forum is, in words."""

    day: str
    hours: str
    day_short: str
    short: str  # day and hour of the beginning


def when(*, begins: datetime, ends: datetime, language: Language) -> When:
    """Write the time of a forum (aware times) in a language, in the time of Phnom Penh."""
    begin, end = begins.astimezone(PHNOM_PENH), ends.astimezone(PHNOM_PENH)
    texts = catalogue(language)
    day = _day(begin, language)
    if end.date() != begin.date():
        day = texts.several_days.render(first=day, last=_day(end, language))
    day_short = digits(format_date(begin.date(), _SHORT_DAY[language], locale=language), language)
    separator = ", " if language is Language.EN else " "
    return When(
        day=day,
        hours=texts.hours.render(begin=_hour(begin, language), end=_hour(end, language)),
        day_short=day_short,
        short=f"{day_short}{separator}{_hour(begin, language)}",
    )


def digits(text: str, language: Language) -> str:
    """The digits of the language, for numbers that are read; codes and links keep theirs."""
    return text.translate(_KHMER_DIGITS) if language is Language.KM else text


def _day(moment: datetime, language: Language) -> str:
    return digits(format_date(moment.date(), _DAY[language], locale=language), language)


def _hour(moment: datetime, language: Language) -> str:
    if language is Language.EN:
        return format_time(moment, "h:mm a", tzinfo=PHNOM_PENH, locale=language)
    part = next(word for hour, word in _KHMER_DAY_PARTS if moment.hour >= hour)
    clock = digits(f"{moment.hour % _NOON or _NOON}:{moment.minute:02}", language)
    return f"ម៉ោង {clock} {part}"
