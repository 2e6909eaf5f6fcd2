"""A registration as it is first written: the document, and the events that it causes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from registration.domain.applications import Affiliation, RegistrationForm
from registration.domain.categories import RegistrationStatus
from registration.domain.identity import manage_key, person_id, reference
from registration.publishes import ContactRecorded, RegistrationConfirmed, RegistrationWaitlisted
from registration.store.holds import Hold
from registration.store.registrations import Document, public_state
from vetika_kit.events import Event


def contact_of(document: Document, *, secret: bytes, now: datetime, traceparent: str | None = None) -> Event:
    """Return the event that tells how the person of a registration is reached."""
    who, person = document["person_id"], document["person"]
    return ContactRecorded.event(
        subject=who,
        person_id=who,
        version=int(now.timestamp() * 1000),
        family_name=person["family_name"],
        given_name=person["given_name"],
        name_km=person["name_km"],
        email=person["email"],
        phone=person["phone"],
        language=document["language"],
        channels=person["channels"],
        manage_key=manage_key(who, secret=secret),
        traceparent=traceparent,
    )


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An application with all that its registration will say, whatever the ledger decides."""

    registration_id: str
    forum_id: str
    form: RegistrationForm
    affiliation: Affiliation
    import_id: str | None = None
    fingerprint: str | None = None  # of the request, where it may be sent again
    traceparent: str | None = None  # of the request, which another thread finishes

    def written(self, hold: Hold, *, secret: bytes, now: datetime) -> tuple[Document, Sequence[Event]]:
        """Return the document and events for what the ledger decided."""
        form, person = self.form, self.form.person
        who = person_id(email=person.email, phone=person.phone, secret=secret)
        status = RegistrationStatus.WAITLISTED if hold.waitlisted else RegistrationStatus.CONFIRMED
        document: Document = {
            "_id": self.registration_id,
            "forum_id": self.forum_id,
            "person_id": who,
            "ticket": hold.ticket,
            "status": str(status),
            "active": True,
            "identities": list(form.identities),
            "reference": reference(self.registration_id),
            "waitlist_number": hold.number,
            "stakeholder_category": str(form.stakeholder_category),
            "gender": str(person.gender),
            "language": str(person.language),
            "role": str(form.role),
            "organization": {
                "organization_id": self.affiliation.organization_id,
                "name": self.affiliation.name,
                "key": self.affiliation.key,
            },
            "person": {
                "family_name": person.family_name,
                "given_name": person.given_name,
                "name_km": person.name_km,
                "email": person.email,
                "phone": person.phone,
                "channels": [str(channel) for channel in person.channels],
                "dietary": person.dietary,
                "accessibility": person.accessibility,
            },
            "import_id": self.import_id,
            "answered": {"fingerprint": self.fingerprint, "place": hold.place},
            "registered_at": now,
            "updated_at": now,
        }
        state = public_state(document, version=1)
        if hold.number is None:
            news = RegistrationConfirmed.event(
                subject=self.registration_id, traceparent=self.traceparent, **state
            )
        else:
            news = RegistrationWaitlisted.event(
                subject=self.registration_id,
                traceparent=self.traceparent,
                **state,
                waitlist_number=hold.number,
            )
        # The contact leaves first: who is told something must be reachable by then.
        contact = contact_of(document, secret=secret, now=now, traceparent=self.traceparent)
        return document, [contact, news]
