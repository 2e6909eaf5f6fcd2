"""The words in which people, organizations and registrations are told apart."""

from enum import StrEnum


class StakeholderCategory(StrEnum):
    """Whom a participant speaks for."""

    LOCAL_GOVERNMENT = "local_government"
    CENTRAL_GOVERNMENT = "central_government"
    LOCAL_NGO = "local_ngo"
    INTERNATIONAL_NGO = "international_ngo"
    CBO = "cbo"
    DONOR = "donor"
    PRIVATE_SECTOR = "private_sector"
    MEDIA = "media"
    ACADEMIC = "academic"


class Gender(StrEnum):
    """As the person says; nobody has to."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNDISCLOSED = "undisclosed"


class Language(StrEnum):
    """The language in which a person is told things."""

    KHMER = "km"
    ENGLISH = "en"


class Channel(StrEnum):
    """A way on which a person is told things."""

    EMAIL = "email"
    SMS = "sms"


class ForumRole(StrEnum):
    """What a person does at a forum."""

    PARTICIPANT = "participant"
    SPEAKER = "speaker"
    FACILITATOR = "facilitator"
    ORGANIZER = "organizer"


class RegistrationStatus(StrEnum):
    """Where a registration stands."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    CANCELLED = "cancelled"


ACTIVE = frozenset({RegistrationStatus.CONFIRMED, RegistrationStatus.WAITLISTED})


class CancelledBy(StrEnum):
    """Who gave a seat or a place in line back."""

    PARTICIPANT = "participant"
    SECRETARIAT = "secretariat"


class OrganizationStatus(StrEnum):
    """Where an organization stands with the coalition."""

    APPLIED = "applied"
    ADMITTED = "admitted"
    DEPARTED = "departed"


class ForumStatus(StrEnum):
    """Where a forum stands, as meetings says."""

    ANNOUNCED = "announced"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"
