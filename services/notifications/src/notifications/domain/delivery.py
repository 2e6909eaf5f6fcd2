"""A delivery: one message to one person over one channel, and the way it goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from notifications.domain.errors import RuleError
from notifications.domain.retry import RetryPolicy


class Channel(StrEnum):
    """How a person is reached."""

    EMAIL = "email"
    SMS = "sms"


class Language(StrEnum):
    """What a person reads."""

    EN = "en"
    KM = "km"


class Template(StrEnum):
    """What a person is told; the texts are in the message catalogues under these names."""

    REGISTRATION_CONFIRMED = "registration_confirmed"
    REGISTRATION_WAITLISTED = "registration_waitlisted"
    REGISTRATION_PROMOTED = "registration_promoted"
    REGISTRATION_CANCELLED = "registration_cancelled"
    FORUM_CANCELLED = "forum_cancelled"


class State(StrEnum):
    """Where a delivery stands."""

    AWAITING_CONTACT = "awaiting_contact"  # the person's contact or the forum is not known here yet
    QUEUED = "queued"  # waits for its next attempt
    SENDING = "sending"  # a sender holds it by a lease
    SENT = "sent"  # the mail server or the SMS provider took it
    DELIVERED = "delivered"  # the provider says that it reached the telephone
    FAILED = "failed"  # nothing more is tried, unless somebody asks for it


# A delivery may fail after it was sent (the provider learns later that a telephone cannot be reached).
# It may turn out to be sent, or to have arrived, while it waits for its next attempt or after it failed:
# the provider took an attempt whose answer never reached us.
TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.AWAITING_CONTACT: frozenset({State.QUEUED, State.FAILED}),
        State.QUEUED: frozenset({State.SENDING, State.SENT, State.DELIVERED, State.FAILED}),
        State.SENDING: frozenset(
            {State.SENDING, State.QUEUED, State.SENT, State.DELIVERED, State.FAILED}
        ),  # to itself: the lease ran out and another sender took it
        State.SENT: frozenset({State.DELIVERED, State.FAILED, State.QUEUED}),
        State.DELIVERED: frozenset(),
        State.FAILED: frozenset({State.DELIVERED, State.QUEUED}),
    }
)

ERASED = "erased"  # the person asked to be forgotten before the message left
UNKNOWN_PERSON = "unknown_person"  # neither the contact nor an erasure ever came
NO_CHANNEL = "no_channel"  # the person chose no way to be reached
NO_ADDRESS = "no_address"  # the channel was chosen, but there is no address for it
UNDELIVERED = "undelivered"  # the provider gave up and did not say why
INTERRUPTED = "interrupted"  # the last attempt was cut off, and nobody knows how it ended


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The mail server or the provider took the message."""

    provider_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """It did not."""

    code: str  # what happened, in the vendor's code or a word of ours; never an address
    permanent: bool  # whether trying again is useless
    not_before: timedelta | None = None  # the pause that the other side asked for


class Reported(StrEnum):
    """What a provider reports about a message that it took."""

    UNDER_WAY = "under_way"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A change of a delivery: the state, the fields that change with it, and the states to publish."""

    state: State
    sets: Mapping[str, Any] = field(default_factory=dict)
    publishes: tuple[State, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where one delivery stands: what the rules decide on."""

    delivery_id: str
    state: State
    attempts: int  # begun since it was made
    attempts_before: int = 0  # of those, how many before somebody had it sent again
    resends: int = 0


def accepted(outcome: Accepted, *, standing: Standing, now: datetime) -> Step:
    """The gateway took it."""
    _allow(standing.state, State.SENT)
    return Step(
        state=State.SENT,
        sets={**_AT_REST, "provider_id": outcome.provider_id, "sent_at": now, "last_error": None},
        publishes=(State.SENT,),
    )


def refused(outcome: Refused, *, standing: Standing, policy: RetryPolicy, now: datetime) -> Step:
    """The gateway did not take it: again later, unless that is useless or this was the last attempt."""
    again = None
    if not outcome.permanent:
        again = policy.next_attempt(
            attempt=standing.attempts - standing.attempts_before,
            seed=standing.delivery_id,
            now=now,
            not_before=outcome.not_before,
        )
    if again is None:
        return failed(outcome.code, standing=standing, now=now)
    _allow(standing.state, State.QUEUED)
    return Step(state=State.QUEUED, sets={"lease": None, "due_at": again, "last_error": outcome.code})


def failed(reason: str, *, standing: Standing, now: datetime) -> Step:
    """Nothing more is tried."""
    _allow(standing.state, State.FAILED)
    return Step(
        state=State.FAILED,
        sets={**_AT_REST, "last_error": reason, "failed_at": now},
        publishes=(State.FAILED,),
    )


@dataclass(frozen=True, kw_only=True)
class Report:
    """One status callback of a provider."""

    says: Reported
    provider_id: str | None
    attempt: int  # the attempt that it is about
    code: str | None = None  # why it failed


def reported(report: Report, *, standing: Standing, now: datetime) -> Step | None:
    """What a provider's report changes; None when it says nothing new.

    Reports may come late, twice and out of order. One about an earlier attempt counts only when it
    says that the message arrived: then it did, whatever became of the later ones. A report may also
    come before the sender wrote down that the provider took the message.
    """
    if report.says is Reported.DELIVERED:
        return _arrived(report, standing=standing, now=now)
    if report.attempt != standing.attempts:
        return None
    if report.says is Reported.SENT and (standing.state is State.SENDING or _between_attempts(standing)):
        return accepted(Accepted(provider_id=report.provider_id), standing=standing, now=now)
    if report.says is Reported.FAILED and standing.state in {State.SENDING, State.SENT}:
        return failed(report.code or UNDELIVERED, standing=standing, now=now)
    return None


def resent(*, standing: Standing, now: datetime) -> Step:
    """Somebody wants it sent again: another message, with all its attempts before it.

    Raises:
        RuleError: It is on its way, or it arrived.
    """
    if standing.state not in {State.SENT, State.FAILED}:
        raise RuleError(f"a delivery that is {standing.state} cannot be sent again")
    return Step(
        state=State.QUEUED,
        sets={
            "lease": None,
            "due_at": now,
            "attempts_before": standing.attempts,
            "resends": standing.resends + 1,
            "failed_at": None,
        },
    )


def _arrived(report: Report, *, standing: Standing, now: datetime) -> Step | None:
    if State.DELIVERED not in TRANSITIONS[standing.state]:
        return None
    sets: dict[str, Any] = {
        **_AT_REST,
        "provider_id": report.provider_id,
        "delivered_at": now,
        "failed_at": None,
        "last_error": None,
    }
    if standing.state is State.SENT:
        return Step(state=State.DELIVERED, sets=sets, publishes=(State.DELIVERED,))
    return Step(state=State.DELIVERED, sets={**sets, "sent_at": now}, publishes=(State.SENT, State.DELIVERED))


def _between_attempts(standing: Standing) -> bool:
    return standing.state is State.QUEUED and standing.attempts > standing.attempts_before


def _allow(before: State, after: State) -> None:
    if after not in TRANSITIONS[before]:
        raise RuleError(f"a delivery that is {before} cannot become {after}")


_AT_REST: Mapping[str, Any] = MappingProxyType({"lease": None, "due_at": None})
