"""A list of applications as a spreadsheet writes it: good rows become applications, bad ones findings.

Nothing is guessed and nothing is lost: every row of the file is either an application or named with
its line, its column and the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from registration.domain.applications import (
    OrganizationChoice,
    Person,
    RegistrationForm,
    channels_without_address,
    usual_channels,
)
from registration.domain.categories import Channel, ForumRole, Gender, Language, StakeholderCategory
from registration.domain.emails import InvalidEmailError, normalized_email
from registration.domain.findings import Finding, Reason
from registration.domain.phones import InvalidPhoneError, normalized_phone
from registration.domain.sheets import Row
from registration.domain.texts import cleaned, has_control, is_formula

WordT = TypeVar("WordT", bound=StrEnum)

_LENGTHS: Final[Mapping[str, int]] = {
    "family_name": 100,
    "given_name": 100,
    "name_km": 200,
    "organization": 200,
    "dietary": 500,
    "accessibility": 500,
}


@dataclass(frozen=True, kw_only=True)
class GoodRow:
    """A row that can be admitted."""

    line: int
    form: RegistrationForm


def check_rows(header: Sequence[str], rows: Sequence[Row]) -> tuple[list[GoodRow], list[Finding]]:
    """Judge every row; a person who stands in the file twice is taken once, at the first line."""
    good: list[GoodRow] = []
    findings: list[Finding] = []
    seen: dict[str, int] = {}
    for row in rows:
        checked, wrong = _RowCheck(line=row.line, cells=dict(zip(header, row.cells, strict=True))).result()
        findings.extend(wrong)
        if checked is None:
            continue
        first = min((seen[one] for one in checked.identities if one in seen), default=None)
        if first is not None:
            findings.append(
                Finding(line=row.line, column=None, reason=Reason.DUPLICATE_IN_FILE, details={"first": first})
            )
            continue
        seen.update(dict.fromkeys(checked.identities, row.line))
        good.append(GoodRow(line=row.line, form=checked))
    return good, findings


class _RowCheck:
    """One row under judgement; all that is wrong with it is found at once."""

    def __init__(self, *, line: int, cells: Mapping[str, str]) -> None:
        self._line = line
        self._cells = cells
        self._findings: list[Finding] = []

    def result(self) -> tuple[RegistrationForm | None, list[Finding]]:
        """Return the application, or what is wrong."""
        family_name = self._text("family_name", required=True)
        given_name = self._text("given_name", required=True)
        name_km = self._text("name_km")
        gender = self._choice("gender", Gender)
        category = self._choice("stakeholder_category", StakeholderCategory)
        language = self._choice("language", Language)
        role = self._choice("role", ForumRole, default=ForumRole.PARTICIPANT)
        organization = self._text("organization")
        dietary = self._text("dietary")
        accessibility = self._text("accessibility")
        email = self._email()
        phone = self._phone()
        channels = self._channels()
        if not self._findings:
            channels = self._reachable(channels, email=email, phone=phone)
        if self._findings or gender is None or category is None or language is None or role is None:
            return None, self._findings
        person = Person(
            family_name=family_name or "",
            given_name=given_name or "",
            name_km=name_km,
            gender=gender,
            email=email,
            phone=phone,
            language=language,
            channels=channels,
            dietary=dietary,
            accessibility=accessibility,
        )
        form = RegistrationForm(
            person=person,
            organization=OrganizationChoice(name=organization),
            stakeholder_category=category,
            role=role,
        )
        return form, []

    def _find(self, column: str | None, reason: Reason, **details: str | int) -> None:
        self._findings.append(Finding(line=self._line, column=column, reason=reason, details=details))

    def _cell(self, column: str, *, formulas: bool = False) -> str | None:
        raw = self._cells.get(column, "")
        if any("\udc80" <= character <= "\udcff" for character in raw):
            self._find(column, Reason.NOT_UTF8)
            return None
        text = cleaned(raw)
        if not formulas and is_formula(text):
            self._find(column, Reason.FORMULA)
            return None
        if has_control(text):
            self._find(column, Reason.CONTROL_CHARACTER)
            return None
        return text or None

    def _text(self, column: str, *, required: bool = False) -> str | None:
        before = len(self._findings)
        text = self._cell(column)
        if text is None and required and len(self._findings) == before:
            self._find(column, Reason.MISSING)
        if text is not None and len(text) > _LENGTHS[column]:
            self._find(column, Reason.TOO_LONG, limit=_LENGTHS[column])
            return None
        return text

    def _choice(self, column: str, words: type[WordT], *, default: WordT | None = None) -> WordT | None:
        before = len(self._findings)
        text = self._cell(column)
        if len(self._findings) > before:
            return None
        if text is None:
            if default is None:
                self._find(column, Reason.MISSING)
            return default
        try:
            return words(text.casefold())
        except ValueError:
            self._find(column, Reason.UNKNOWN_VALUE, allowed=", ".join(words))
            return None

    def _email(self) -> str | None:
        text = self._cell("email")
        if text is None:
            return None
        try:
            return normalized_email(text)
        except InvalidEmailError:
            self._find("email", Reason.INVALID_EMAIL)
            return None

    def _phone(self) -> str | None:
        text = self._cell("phone", formulas=True)
        if text is None:
            return None
        if is_formula(text) and not text.startswith("+"):
            self._find("phone", Reason.FORMULA)
            return None
        try:
            return normalized_phone(text)
        except InvalidPhoneError:
            self._find("phone", Reason.INVALID_PHONE)
            return None

    def _channels(self) -> tuple[Channel, ...]:
        text = self._cell("channels")
        if text is None:
            return ()
        chosen = []
        for word in text.replace(",", ";").split(";"):
            name = word.strip().casefold()
            if name not in set(Channel):
                self._find("channels", Reason.UNKNOWN_VALUE, allowed=", ".join(Channel))
                return ()
            if Channel(name) not in chosen:
                chosen.append(Channel(name))
        return tuple(chosen)

    def _reachable(
        self, channels: tuple[Channel, ...], *, email: str | None, phone: str | None
    ) -> tuple[Channel, ...]:
        if email is None and phone is None:
            self._find("email", Reason.NO_ADDRESS)
            return channels
        for channel in channels_without_address(channels, email=email, phone=phone):
            self._find("channels", Reason.CHANNEL_WITHOUT_ADDRESS, channel=str(channel))
        return channels or usual_channels(email=email, phone=phone)
