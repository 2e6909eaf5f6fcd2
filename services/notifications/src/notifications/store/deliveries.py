"""The deliveries, each with its outbox."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING
from pymongo.client_session import ClientSession
from pymongo.database import Database

from notifications.domain.delivery import Channel, Standing, State, Step
from notifications.domain.plan import Plan, Wish
from notifications.publishes import told
from vetika_kit.clock import Clock
from vetika_kit.ids import derived_id
from vetika_kit.mongo import Document
from vetika_kit.outbox import Aggregates
from vetika_kit.tracing import current_traceparent

DELIVERIES: Final = "deliveries"


class Deliveries:
    """Deliveries, and the plans that wait to become some."""

    def __init__(self, *, database: "Database[Document]", clock: Clock) -> None:
        self._aggregates = Aggregates(database[DELIVERIES], clock=clock)
        self._clock = clock
        self.collection = self._aggregates.collection

    def get(self, id_: str) -> Document | None:
        """Return a delivery, or None."""
        return self._aggregates.get(id_)

    def queue(self, plan: Plan, wish: Wish, *, session: ClientSession | None = None) -> None:
        """Make the deliveries of a plan; those that exist already stay as they are."""
        made = [_queued(plan, channel, wish, now=self._clock.now()) for channel in wish.channels]
        if len(self._insert(made, session)) < len(made):
            self.complete(plan, session=session)

    def complete(self, plan: Plan, *, session: ClientSession | None = None) -> bool:
        """Give deliveries of a plan that came back from the own events what those do not tell.

        Returns:
            Whether there are deliveries of this plan, over any channel.
        """
        ids = [*(_delivery_id(plan, channel) for channel in Channel), _plan_id(plan)]
        known = list(self._known(ids, session=session))
        if known:
            told = {"at": plan.at, "told": dict(plan.told)}
            self.collection.update_many(
                {"_id": {"$in": known}, "told": None}, {"$set": told}, session=session
            )
        return bool(known)

    def await_(self, plan: Plan, *, session: ClientSession | None = None) -> Document | None:
        """Keep a plan until the person's contact and the forum are known; return it if it is new."""
        made = self._insert([_awaiting(plan, now=self._clock.now())], session)
        return {**made[0], "version": 1} if made else None

    def waiting_since(self, before: datetime, *, limit: int) -> list[Document]:
        """Return plans that were made before a moment and still wait, the oldest first."""
        wanted = {"state": State.AWAITING_CONTACT, "created_at": {"$lt": before}}
        return list(
            self.collection.find(wanted, {"outbox": False}).sort("created_at", ASCENDING).limit(limit)
        )

    def waiting(self, *, session: ClientSession, **about: str) -> list[Document]:
        """Return the plans about a person (`person_id`) or a forum (`forum_id`) that wait."""
        return list(
            self.collection.find(
                {"state": State.AWAITING_CONTACT, **about}, {"outbox": False}, session=session
            )
        )

    def drop(self, document: Document, *, session: ClientSession) -> None:
        """Remove a plan that has become deliveries."""
        self.collection.delete_one({"_id": document["_id"]}, session=session)

    def unsent(self, person_id: str, *, session: ClientSession) -> list[Document]:
        """Return what waits to be told to a person; what a sender holds is about to leave and is not here."""
        states = [State.AWAITING_CONTACT, State.QUEUED]
        return list(self.collection.find({"person_id": person_id, "state": {"$in": states}}, session=session))

    def apply(
        self, seen: Document, step: Step, *, session: ClientSession | None = None, **sets: Any
    ) -> Document:
        """Take a delivery a step on, with the events that the step publishes.

        Raises:
            StaleVersionError: It is not as it was seen any more.
        """
        changes = {**step.sets, **sets, "state": step.state}
        events = [
            told({**seen, **changes}, state=state, reason=changes.get("last_error"))
            for state in step.publishes
        ]
        return self._aggregates.update(seen, {"$set": changes}, *events, session=session)

    def counts(self, *, forum_id: str | None) -> list[Document]:
        """Count deliveries by forum, channel, language and state; of one forum or of all."""
        key = {name: f"${name}" for name in ("forum_id", "channel", "language", "state")}
        pipeline: list[Mapping[str, Any]] = [
            {"$match": {} if forum_id is None else {"forum_id": forum_id}},
            {"$group": {"_id": key, "deliveries": {"$sum": 1}, "sms_parts": {"$sum": "$sms_parts"}}},
            {"$sort": {"_id": ASCENDING}},
        ]
        return [
            {**group["_id"], "deliveries": group["deliveries"], "sms_parts": group["sms_parts"]}
            for group in self.collection.aggregate(pipeline)
        ]

    def note(self, seen: Document, facts: Mapping[str, Any]) -> None:
        """Add what is known of an attempt to a delivery that somebody else took a step on meanwhile."""
        self.collection.update_one({"_id": seen["_id"], "attempts": seen["attempts"]}, {"$set": dict(facts)})

    def _insert(self, documents: Sequence[Document], session: ClientSession | None) -> list[Document]:
        known = self._known((document["_id"] for document in documents), session=session)
        fresh = [document for document in documents if document["_id"] not in known]
        if fresh:
            self._aggregates.insert_many([(document, ()) for document in fresh], session=session)
        return fresh

    def _known(self, ids: Iterable[str], *, session: ClientSession | None) -> set[str]:
        # Asked before: a duplicate key would end the whole transaction.
        found = self.collection.find({"_id": {"$in": list(ids)}}, {"_id": True}, session=session)
        return {document["_id"] for document in found}


def standing(document: Mapping[str, Any]) -> Standing:
    """Return what the rules need to know of a stored delivery."""
    return Standing(
        delivery_id=document["_id"],
        state=State(document["state"]),
        attempts=document["attempts"],
        attempts_before=document["attempts_before"],
        resends=document["resends"],
    )


def plan_of(document: Mapping[str, Any]) -> Plan:
    """Return the plan that a waiting document holds."""
    return Plan(
        because=document["because"],
        at=document["at"],
        template=document["template"],
        person_id=document["person_id"],
        forum_id=document["forum_id"],
        registration_id=document["registration_id"],
        told=document["told"],
    )


def _delivery_id(plan: Plan, channel: Channel) -> str:
    return derived_id("delivery", plan.because, plan.person_id, channel)


def _plan_id(plan: Plan) -> str:
    return derived_id("plan", plan.because, plan.person_id)


def _queued(plan: Plan, channel: Channel, wish: Wish, *, now: datetime) -> Document:
    return {
        "_id": _delivery_id(plan, channel),
        **_planned(plan, now=now),
        "state": State.QUEUED,
        "channel": channel,
        "language": wish.language,
        "due_at": now,
    }


def _awaiting(plan: Plan, *, now: datetime) -> Document:
    return {
        "_id": _plan_id(plan),
        **_planned(plan, now=now),
        "state": State.AWAITING_CONTACT,
        "channel": None,
        "language": None,
        "due_at": None,
    }


def _planned(plan: Plan, *, now: datetime) -> Document:
    return {
        "because": plan.because,
        "at": plan.at,
        "template": plan.template,
        "person_id": plan.person_id,
        "forum_id": plan.forum_id,
        "registration_id": plan.registration_id,
        "told": dict(plan.told),
        "traceparent": current_traceparent(),
        "created_at": now,
        "attempts": 0,
        "attempts_before": 0,
        "resends": 0,
        "lease": None,
        "last_error": None,
        "provider_id": None,
        "sms_parts": None,
        "sent_at": None,
        "delivered_at": None,
        "failed_at": None,
    }


def ensure_indexes(database: "Database[Document]") -> None:
    """Make the indexes: what is due (small: only what waits or is being sent), what awaits, and the lists."""
    deliveries = database[DELIVERIES]
    deliveries.create_index(
        [("channel", ASCENDING), ("due_at", ASCENDING)],
        partialFilterExpression={"state": {"$in": [State.QUEUED.value, State.SENDING.value]}},
        name="due",
    )
    for about in ("person_id", "forum_id"):
        deliveries.create_index(
            [(about, ASCENDING), ("state", ASCENDING)],
            partialFilterExpression={"state": State.AWAITING_CONTACT.value},
            name=f"awaiting_by_{about}",
        )
    for field in ("registration_id", "person_id", "forum_id", "state"):
        deliveries.create_index(
            [(field, ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)], name=f"by_{field}"
        )
    deliveries.create_index([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest_first")
