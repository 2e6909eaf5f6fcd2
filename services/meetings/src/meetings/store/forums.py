"""Forums, each with its outbox."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING
from pymongo.database import Database

from meetings.domain.actor import Actor
from meetings.domain.errors import UnknownForumError
from meetings.domain.forum import Forum, Status
from meetings.domain.plan import Plan, SeatPolicy, StakeholderCategory, Venue
from vetika_kit.clock import Clock
from vetika_kit.events import Event
from vetika_kit.mongo import Document
from vetika_kit.outbox import Aggregates

FORUMS: Final = "forums"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A forum as it is stored; the version is what a change must have seen."""

    forum: Forum
    version: int


class ForumStore:
    """The forums, each with its outbox."""

    def __init__(self, *, database: "Database[Document]", clock: Clock) -> None:
        self._aggregates = Aggregates(database[FORUMS], clock=clock)
        self.collection = self._aggregates.collection

    def add(self, forum: Forum) -> Kept:
        """Keep a new forum; one that a lost answer already kept under this id is answered as it is."""
        return kept(self._aggregates.insert_or_get(document(forum)))

    def get(self, id_: str) -> Kept:
        """Return a forum.

        Raises:
            UnknownForumError: There is none.
        """
        found = self._aggregates.get(id_)
        if found is None:
            raise UnknownForumError(id_)
        return kept(found)

    def change(self, seen: Kept, after: Forum, *events: Event) -> Kept:
        """Keep what a forum became, with the events that tell of it, in one write.

        Raises:
            StaleVersionError: It changed since it was seen.
        """
        changes = document(after)
        del changes["_id"]
        reference = {"_id": after.id, "version": seen.version}
        return kept(self._aggregates.update(reference, {"$set": changes}, *events))

    def due(self, *, now: datetime, limit: int) -> list[Kept]:
        """Return forums that a date moves on by `now`, the longest due first."""
        found = self.collection.find(
            {"due_at": {"$lte": now}}, {"outbox": False}, sort=[("due_at", ASCENDING)], limit=limit
        )
        return [kept(one) for one in found]


def ensure_indexes(database: "Database[Document]") -> None:
    """Make the indexes of the list and of the dates."""
    forums = database[FORUMS]
    forums.create_index([("starts_at", ASCENDING), ("_id", ASCENDING)], name="by_start")
    forums.create_index([("due_at", ASCENDING)], name="due")


def seen_by(actor: Actor) -> Document:
    """Return the filter of the forums that this actor may know of."""
    if actor.secretariat:
        return {}
    if actor.organization_id is None:
        return {"public": True}
    return {"$or": [{"public": True}, {"host_organization_id": actor.organization_id}]}


def kept(document: Mapping[str, Any]) -> Kept:
    """Return the forum that a stored document holds."""
    venue, policy = document["venue"], document["seat_policy"]
    plan = Plan(
        theme=document["theme"],
        description=document["description"],
        starts_at=document["starts_at"],
        ends_at=document["ends_at"],
        venue=Venue(name=venue["name"], address=venue["address"]),
        capacity=document["capacity"],
        host_organization_id=document["host_organization_id"],
        registration_opens_at=document["registration_opens_at"],
        registration_closes_at=document["registration_closes_at"],
        seat_policy=SeatPolicy(
            reserved={StakeholderCategory(name): seats for name, seats in policy["reserved"].items()},
            release_at=policy["release_at"],
            organization_limit=policy["organization_limit"],
        ),
    )
    forum = Forum(
        id=document["_id"],
        plan=plan,
        status=Status(document["status"]),
        public=document["public"],
        reason=document["reason"],
    )
    return Kept(forum=forum, version=document["version"])


def document(forum: Forum) -> Document:
    """Return what is stored of a forum."""
    plan = asdict(forum.plan)
    reserved = forum.plan.seat_policy.reserved
    plan["seat_policy"]["reserved"] = {category.value: seats for category, seats in reserved.items()}
    return {
        "_id": forum.id,
        **plan,
        "status": forum.status.value,
        "public": forum.public,
        "reason": forum.reason,
        "due_at": forum.due_at,
    }
