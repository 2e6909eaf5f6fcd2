"""One attempt: from a claimed delivery to a message, and out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from notifications.calendar import calendar_file
from notifications.domain.delivery import (
    ERASED,
    NO_ADDRESS,
    Accepted,
    Channel,
    Language,
    Refused,
    Template,
)
from notifications.domain.facts import Facts, Person, Registration
from notifications.gateways.sms_http import OutgoingSms, SmsGateway
from notifications.gateways.smtp import SmtpGateway
from notifications.mail import Recipient, Sender, UnusableAddressError, message
from notifications.messages import render
from notifications.store.contacts import Contacts
from notifications.store.forums import Forums
from vetika_kit.clock import Clock
from vetika_kit.ids import short_id
from vetika_kit.mongo import Document

UNKNOWN_FORUM = "unknown_forum"
BAD_ADDRESS = "bad_address"
NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, kw_only=True)
class Carried:
    """How an attempt ended."""

    outcome: Accepted | Refused
    sets: Mapping[str, Any] = field(default_factory=dict)  # what else is to be remembered of it


class Courier(Protocol):
    """Carries the messages of one channel."""

    def carry(self, delivery: Document) -> Carried:
        """Make the message from what is known now, and hand it over."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class FactFinder:
    """Puts together what a message may say.

    Nothing of it is stored with the delivery: who is erased between planning and sending is not written
    to, and a mended address is used at the next attempt.
    """

    def __init__(self, *, contacts: Contacts, forums: Forums, registration_url: str) -> None:
        self._contacts = contacts
        self._forums = forums
        self._registration_url = registration_url

    def facts(self, delivery: Document) -> Facts | Refused:
        """Return the facts, or why there is no message to be made."""
        person = self._contacts.get(delivery["person_id"])
        if person is None:
            return Refused(code=ERASED, permanent=True)
        if not person.address(Channel(delivery["channel"])):
            return Refused(code=NO_ADDRESS, permanent=True)
        forum = self._forums.get(delivery["forum_id"])
        if forum is None:
            return Refused(code=UNKNOWN_FORUM, permanent=False)
        told = delivery["told"]
        return Facts(
            template=Template(delivery["template"]),
            person=person,
            forum=forum,
            registration=Registration(
                registration_id=delivery["registration_id"],
                sequence=told["sequence"],
                reference=told["reference"],
                role=told["role"],
            ),
            manage_url=self._manage_url(delivery["registration_id"], person),
            waitlist_number=told.get("waitlist_number"),
            cancelled_by=told.get("cancelled_by"),
            previous_status=told.get("previous_status"),
            reason=told.get("reason") or {},
        )

    def _manage_url(self, registration_id: str, person: Person) -> str:
        return f"{self._registration_url}/m/{quote(short_id(registration_id))}/{quote(person.manage_key)}"


class EmailCourier:
    """Carries e-mail."""

    def __init__(
        self,
        *,
        facts: FactFinder,
        gateway: SmtpGateway,
        senders: Mapping[Language, Sender],
        clock: Clock,
    ) -> None:
        self._facts = facts
        self._gateway = gateway
        self._senders = senders
        self._clock = clock

    def carry(self, delivery: Document) -> Carried:
        """Send the e-mail."""
        facts = self._facts.facts(delivery)
        if isinstance(facts, Refused):
            return Carried(outcome=facts)
        language = facts.person.language
        sender = self._senders[language]
        now = self._clock.now()
        try:
            mail = message(
                render.email(facts, sender=sender.name),
                sender=sender,
                recipient=Recipient(address=facts.person.email or "", name=facts.person.name(language)),
                message_id=_key(delivery),
                calendar=calendar_file(facts, organizer=sender.address, organizer_name=sender.name, now=now),
                now=now,
            )
        except UnusableAddressError:
            return Carried(outcome=Refused(code=BAD_ADDRESS, permanent=True))
        return Carried(outcome=self._gateway.send(mail), sets={"language": language})

    def close(self) -> None:
        """Say goodbye to the mail server."""
        self._gateway.close()


class SmsCourier:
    """Carries SMS."""

    def __init__(
        self, *, facts: FactFinder, gateway: SmsGateway, senders: Mapping[Language, Sender], public_url: str
    ) -> None:
        self._facts = facts
        self._gateway = gateway
        self._senders = senders
        self._public_url = public_url

    def carry(self, delivery: Document) -> Carried:
        """Send the SMS."""
        facts = self._facts.facts(delivery)
        if isinstance(facts, Refused):
            return Carried(outcome=facts)
        language = facts.person.language
        sms = render.sms(facts, sender=self._senders[language].name)
        outcome = self._gateway.send(
            OutgoingSms(
                to=facts.person.phone or "",
                text=sms.text,
                callback=callback_url(self._public_url, delivery["_id"], attempt=delivery["attempts"]),
                key=_key(delivery),
            )
        )
        return Carried(outcome=outcome, sets={"language": language, "sms_parts": len(sms.parts)})

    def close(self) -> None:
        """Close the connections to the provider."""
        self._gateway.close()


class NoCourier:
    """Stands where a channel has no way out; what is to go there fails at once and can be seen."""

    def carry(self, _delivery: Document) -> Carried:
        """Refuse."""
        return Carried(outcome=Refused(code=NOT_CONFIGURED, permanent=True))

    def close(self) -> None:
        """Hold nothing."""


def callback_url(public_url: str, delivery_id: str, *, attempt: int) -> str:
    """Where the SMS provider reports what became of an attempt."""
    return f"{public_url.rstrip('/')}/v1/sms-status/{delivery_id}?attempt={attempt}"


def _key(delivery: Document) -> str:
    """The same for every attempt; another when somebody had it sent again, which is another message."""
    return f"{delivery['_id']}.{delivery['resends']}"
