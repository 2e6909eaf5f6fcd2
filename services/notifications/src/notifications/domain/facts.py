"""What a message may say: the person, the forum and the registration, as this service knows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from notifications.domain.delivery import Channel, Language, Template

Localized = Mapping[str, str]  # a text by language; at least one


def in_language(text: Localized | None, language: Language) -> str:
    """The text in a language, else in another that there is, else nothing."""
    if not text:
        return ""
    return text.get(language) or next((other for other in text.values() if other), "")


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whom we talk to. Never logged, never published."""

    person_id: str
    family_name: str
    given_name: str
    name_km: str | None
    email: str | None
    phone: str | None  # E.164
    language: Language
    channels: tuple[Channel, ...]
    manage_key: str

    def name(self, language: Language) -> str:
        """The name as the person's letter should begin: Khmer writes the family name first."""
        if language is Language.KM:
            return self.name_km or f"{self.family_name} {self.given_name}".strip()
        return f"{self.given_name} {self.family_name}".strip()

    def address(self, channel: Channel) -> str | None:
        """Where a channel reaches the person."""
        return self.email if channel is Channel.EMAIL else self.phone


@dataclass(frozen=True, kw_only=True)
class Forum:
    """What is invited to."""

    forum_id: str
    theme: Localized
    starts_at: datetime
    ends_at: datetime
    venue_name: Localized
    venue_address: Localized | None


@dataclass(frozen=True, kw_only=True)
class Registration:
    """The person's part in it."""

    registration_id: str
    sequence: int  # rises with every change; calendars take the highest
    reference: str
    role: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that one message is made of."""

    template: Template
    person: Person
    forum: Forum
    registration: Registration
    manage_url: str
    waitlist_number: int | None = None
    cancelled_by: str | None = None  # participant or secretariat
    previous_status: str | None = None  # confirmed or waitlisted
    reason: Localized = field(default_factory=dict)
