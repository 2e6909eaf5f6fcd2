"""The ledger: one document a forum that knows every seat, every place in line and what is under way.

What is under way stands in ``holds``; each is pushed by the update that decides it and removed once
the registration says the same. A hold that outlives its process is settled by `settlement.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.collection import Collection, ReturnDocument
from pymongo.database import Database

from registration.domain.categories import CancelledBy, ForumStatus
from registration.domain.placement import Application, SeatPolicy
from registration.store import seats
from registration.store.expressions import Expression, Stage
from registration.store.holds import Hold, HoldKind, hold_of, holds_where
from registration.store.seating import FIRST_COME

Document = dict[str, Any]

COLLECTION: Final = "admissions"

WAITLIST_LIMIT: Final = 20_000
"""People in line. A ledger is one document: its update slows down with its length, and MongoDB ends at
16 MiB, about 70,000 people. Nobody moves up from a place that far back."""


@dataclass(frozen=True, kw_only=True)
class SeatsNow:
    """What a forum's page shows of its seats."""

    taken: int
    waiting: int


class Ledgers:
    """All ledgers of the service."""

    def __init__(self, database: "Database[Document]") -> None:
        self.collection: Collection[Document] = database[COLLECTION]
        # Forums seen with reservations or limits. Whether they still have them decides the update itself:
        # this only saves an attempt.
        self._shared_out: set[str] = set()

    def admit(
        self, forum_id: str, applications: Sequence[Application], *, done: Sequence[str], now: datetime
    ) -> dict[str, Hold] | None:
        """Decide a batch in one update; return the holds by registration id.

        Returns None, and changes nothing, where the forum is unknown or not open, or its line too long.
        """
        ids = [application.registration_id for application in applications]
        mine = {
            "$and": [
                {"$eq": ["$$held.kind", HoldKind.ADMISSION]},
                {"$in": ["$$held.id", {"$literal": ids}]},
            ]
        }
        ready = {"_id": forum_id, "open": True, f"waitlist.{WAITLIST_LIMIT - 1}": {"$exists": False}}

        def decide(*, first_come: bool) -> Document | None:
            return self.collection.find_one_and_update(
                {**ready, **FIRST_COME} if first_come else ready,
                seats.admission(applications, now=now, done=done, first_come=first_come),
                projection={"holds": holds_where(mine)},
                return_document=ReturnDocument.AFTER,
            )

        after = None if forum_id in self._shared_out else decide(first_come=True)
        if after is None:
            after = decide(first_come=False)
            if after is not None:
                self._shared_out.add(forum_id)
        if after is None:
            return None
        return {held["id"]: hold_of(forum_id, held) for held in after["holds"]}

    def hold_cancellation(
        self, registration: Mapping[str, Any], *, attempt: str, by: CancelledBy, now: datetime
    ) -> Hold:
        """Announce a cancellation, before the registration is touched."""
        held = {
            "kind": HoldKind.CANCELLATION,
            "ticket": registration["ticket"],
            "id": registration["_id"],
            "category": registration["stakeholder_category"],
            "organization": registration["organization"]["key"],
            "number": None,
            "place": None,
            "at": now,
            "attempt": attempt,
            "by": by,
        }
        self.collection.update_one({"_id": registration["forum_id"]}, {"$push": {"holds": held}})
        return hold_of(registration["forum_id"], held)

    def give_back_cancelled(self, hold: Hold, *, now: datetime) -> list[Hold]:
        """Give a cancelled registration's seat or place back; return the promotions under way.

        Does nothing where this cancellation was settled before: the update looks for its hold and
        removes it.
        """
        this = {
            "$and": [
                {"$eq": ["$$held.kind", HoldKind.CANCELLATION]},
                {"$eq": ["$$held.attempt", {"$literal": hold.attempt}]},
            ]
        }
        return self._release(
            hold, match={"kind": HoldKind.CANCELLATION, "attempt": hold.attempt}, without=this, now=now
        )

    def give_back_unregistered(self, hold: Hold, *, now: datetime) -> list[Hold]:
        """Give back what was held for a registration that is not and never will be; return the promotions.

        Does nothing where that was done before. A promotion of the same ticket goes too: the seat
        that it stands for is the one given back.
        """
        this = {
            "$and": [
                {"$in": ["$$held.kind", [HoldKind.ADMISSION, HoldKind.PROMOTION]]},
                {"$eq": ["$$held.ticket", {"$literal": hold.ticket}]},
            ]
        }
        return self._release(
            hold, match={"kind": HoldKind.ADMISSION, "ticket": hold.ticket}, without=this, now=now
        )

    def _release(
        self, hold: Hold, *, match: Mapping[str, Any], without: Expression, now: datetime
    ) -> list[Hold]:
        stages = seats.release(
            ticket=hold.ticket,
            category=hold.category,
            organization=hold.organization,
            without=without,
            now=now,
        )
        return self._promotions(hold.forum_id, stages, {"holds": {"$elemMatch": dict(match)}})

    def promote(self, forum_id: str, *, now: datetime) -> list[Hold]:
        """Let the line move where seats are free; return the promotions under way."""
        return self._promotions(forum_id, seats.promotion(now=now), {})

    def _promotions(self, forum_id: str, stages: list[Stage], condition: Mapping[str, Any]) -> list[Hold]:
        kind = {"$eq": ["$$held.kind", HoldKind.PROMOTION]}
        after = self.collection.find_one_and_update(
            {"_id": forum_id, **condition},
            stages,
            projection={"holds": holds_where(kind)},
            return_document=ReturnDocument.AFTER,
        )
        return [] if after is None else [hold_of(forum_id, held) for held in after["holds"]]

    def drop(self, holds: Iterable[Hold]) -> None:
        """Remove holds whose registrations say what they say, or that came to nothing."""
        by_forum: dict[str, list[Document]] = {}
        for hold in holds:
            match: Document = {"kind": hold.kind, "ticket": hold.ticket}
            if hold.attempt is not None:
                match["attempt"] = hold.attempt
            by_forum.setdefault(hold.forum_id, []).append(match)
        for forum_id, matches in by_forum.items():
            self.collection.update_one({"_id": forum_id}, {"$pull": {"holds": {"$or": matches}}})

    def under_way(self, *, before: datetime) -> list[Hold]:
        """Return what is under way: admissions and cancellations that began before, and every promotion."""
        # Forums are few: looking at each is cheaper than an index that every admission would have to keep.
        found = self.collection.find({"holds.0": {"$exists": True}}, {"holds": True})
        return [
            hold
            for document in found
            for hold in (hold_of(document["_id"], held) for held in document["holds"])
            if hold.kind is HoldKind.PROMOTION or hold.at < before
        ]

    def with_moving_lines(self) -> list[str]:
        """Return the forums where somebody waits though not every seat is taken."""
        found = self.collection.find(
            {
                "promotes": True,
                "waitlist.0": {"$exists": True},
                "$expr": {"$lt": ["$taken", "$policy.capacity"]},
            },
            {"_id": True},
        )
        return [document["_id"] for document in found]

    def place_in_line(self, forum_id: str, ticket: str) -> int | None:
        """Return the place in line now, from 1; None for one who does not wait."""
        found = self.collection.find_one(
            {"_id": forum_id},
            {"place": {"$indexOfArray": ["$waitlist.ticket", {"$literal": ticket}]}},
        )
        return None if found is None or found["place"] < 0 else found["place"] + 1

    def line(self, forum_id: str) -> dict[str, int]:
        """Return the place in line of everybody who waits, by ticket."""
        found = self.collection.find_one({"_id": forum_id}, {"waitlist.ticket": True})
        waiting = found["waitlist"] if found else []
        return {one["ticket"]: place for place, one in enumerate(waiting, 1)}

    def seats_now(self, forum_ids: Sequence[str]) -> dict[str, SeatsNow]:
        """Return the seats taken and the length of the line, by forum."""
        found = self.collection.find(
            {"_id": {"$in": list(forum_ids)}}, {"taken": True, "waiting": {"$size": "$waitlist"}}
        )
        return {one["_id"]: SeatsNow(taken=one["taken"], waiting=one["waiting"]) for one in found}

    def exists(self, forum_id: str) -> bool:
        """Say whether the forum is known."""
        return self.collection.find_one({"_id": forum_id}, {"_id": True}) is not None

    def is_open(self, forum_id: str) -> bool | None:
        """Say whether the forum takes registrations; None where it is unknown."""
        found = self.collection.find_one({"_id": forum_id}, {"open": True})
        return None if found is None else bool(found["open"])


def following(
    forum_id: str, *, version: int, policy: SeatPolicy, status: ForumStatus, now: datetime
) -> UpdateOne:
    """Return the update that makes a ledger follow what meetings says; an older version changes nothing.

    More seats, or fewer reservations, move the line in the same update. Fewer seats take nobody's
    away: no more are given until enough came back.
    """
    news = {
        "version": version,
        "policy": {
            "capacity": policy.capacity,
            "reserved": {str(category): seats_ for category, seats_ in policy.reserved.items()},
            "release_at": policy.release_at,
            "organization_limit": policy.organization_limit,
        },
        "open": status is ForumStatus.OPEN,
        "promotes": status is not ForumStatus.CANCELLED,
    }
    newer = {"$lt": [{"$ifNull": ["$version", 0]}, version]}
    empty: Document = {
        "taken": 0,
        "taken_by_category": {},
        "taken_by_organization": {},
        "next_number": 1,
        "waitlist": [],
        "holds": [],
    }
    beginning = {name: {"$ifNull": [f"${name}", {"$literal": value}]} for name, value in empty.items()}
    changed = {name: {"$cond": [newer, {"$literal": value}, f"${name}"]} for name, value in news.items()}
    return UpdateOne(
        {"_id": forum_id}, [{"$set": {**beginning, **changed}}, *seats.promotion(now=now)], upsert=True
    )
