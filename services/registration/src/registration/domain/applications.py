"""An application as it comes in: checked values, and what two of them have in common."""

from dataclasses import dataclass

from registration.domain.categories import Channel, ForumRole, Gender, Language, StakeholderCategory
from registration.domain.identity import identities, organization_key


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who applies. E-mail and phone are normalized; at least one is there."""

    family_name: str
    given_name: str
    name_km: str | None = None
    gender: Gender
    email: str | None = None
    phone: str | None = None
    language: Language
    channels: tuple[Channel, ...]
    dietary: str | None = None
    accessibility: str | None = None


@dataclass(frozen=True, kw_only=True)
class OrganizationChoice:
    """The organization that somebody comes for: a member by its id, any other by its name."""

    organization_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Affiliation:
    """The organization that somebody comes for, once it is known whether it is a member."""

    organization_id: str | None = None  # of a member
    name: str | None = None

    @property
    def key(self) -> str | None:
        """By which an organization's seats are counted; None where somebody comes for none."""
        return organization_key(organization_id=self.organization_id, name=self.name)


@dataclass(frozen=True, kw_only=True)
class RegistrationForm:
    """All that is needed to apply for a seat."""

    person: Person
    organization: OrganizationChoice
    stakeholder_category: StakeholderCategory
    role: ForumRole = ForumRole.PARTICIPANT

    @property
    def identities(self) -> tuple[str, ...]:
        """What nobody else in the forum may have."""
        return identities(email=self.person.email, phone=self.person.phone)


def channels_without_address(
    channels: tuple[Channel, ...], *, email: str | None, phone: str | None
) -> tuple[Channel, ...]:
    """Return the chosen channels on which the person cannot be reached."""
    missing = {Channel.EMAIL: email is None, Channel.SMS: phone is None}
    return tuple(channel for channel in channels if missing[channel])


def usual_channels(*, email: str | None, phone: str | None) -> tuple[Channel, ...]:
    """Return the channels of somebody who did not choose: all on which they can be reached."""
    possible = (Channel.EMAIL, Channel.SMS)
    missing = channels_without_address(possible, email=email, phone=phone)
    return tuple(channel for channel in possible if channel not in missing)
