"""The rule of `domain/placement.py` as update pipelines, so that one update decides.

A ledger document::

    {_id: forum_id, policy: {capacity, reserved: {category: n}, release_at, organization_limit},
     open, promotes, taken, taken_by_category: {category: n}, taken_by_organization: {key: n},
     next_number, waitlist: [{ticket, id, number, category, organization}], holds: [...]}

Whatever a user could have written goes through ``$literal``. Keys that are data (organizations)
are written by ``$arrayToObject`` and read through ``$objectToArray``, never as a path.
"""

from collections.abc import Sequence
from datetime import datetime

from registration.domain.categories import StakeholderCategory
from registration.domain.placement import Application
from registration.store.expressions import Expression, Stage, each, let, nonempty, where
from registration.store.holds import HoldKind, holds_where
from registration.store.seating import SEATED_COUNTS, first_come_first_served, in_line, walk


def admission(
    applications: Sequence[Application], *, now: datetime, done: Sequence[str], first_come: bool
) -> list[Stage]:
    """Decide a batch in order of arrival and hold what is decided.

    An application whose registration id already has an admission hold (a process died between
    ledger and registration, and the request came again) keeps what that hold decided. `done` are the
    tickets whose registrations were written since: their admission holds go.

    With `first_come` the rule is written for a policy that reserves and limits nothing (`FIRST_COME`),
    which takes the database three fifths of the time.
    """
    new = _not_held(applications)
    decided = first_come_first_served(new) if first_come else _shared_out(new, now=now)
    names = ("ticket", "id", "number", "category", "organization")
    line = each("$walk.waiting", {name: f"$$one.{name}" for name in names})
    seated = each("$walk.seated", _held(HoldKind.ADMISSION, now=now))
    waitlisted = each("$walk.waiting", _held(HoldKind.ADMISSION, now=now, place="$$one.place"))
    return [
        {"$set": {"holds": _without_admissions(done)}},
        {"$set": {"walk": decided}},
        {
            "$set": {
                **SEATED_COUNTS,
                "next_number": {"$add": ["$next_number", {"$size": "$walk.waiting"}]},
                "waitlist": {"$concatArrays": ["$waitlist", line]},
                "holds": {"$concatArrays": ["$holds", seated, waitlisted]},
            }
        },
        {"$unset": "walk"},
    ]


def promotion(*, now: datetime) -> list[Stage]:
    """Give free seats to those in line who may take them, in order, and hold each promotion."""
    worthwhile = {"$and": ["$promotes", *_line_before_free_seats()]}
    moving = walk("$waitlist", now=now, otherwise="$$value", may_seat=True)
    nobody: Expression = {"seated": []}
    staying = let(
        {"moved": each("$walk.seated", "$$one.ticket")},
        where("$waitlist", {"$not": {"$in": ["$$one.ticket", "$$moved"]}}),
    )
    promoted = each("$walk.seated", _held(HoldKind.PROMOTION, now=now))
    return [
        {"$set": {"walk": {"$cond": [worthwhile, moving, nobody]}}},
        {
            "$set": {
                **SEATED_COUNTS,
                "waitlist": staying,
                "holds": {"$concatArrays": ["$holds", promoted]},
            }
        },
        {"$unset": "walk"},
    ]


def release(
    *, ticket: str, category: str, organization: str | None, without: Expression, now: datetime
) -> list[Stage]:
    """Give back what a ticket holds, a place in line or a seat, and let the line move.

    Args:
        ticket: Whose seat or place it is; it is in exactly one of the two until it is given back.
        category: The ticket's category.
        organization: The ticket's organization key.
        without: Condition on ``$$held`` for the holds that this settles.
        now: The moment, for reservations that end.
    """
    fewer = {"$cond": ["$in_line", 0, -1]}
    by_category = f"taken_by_category.{StakeholderCategory(category)}"
    by_organization: Expression = "$taken_by_organization"
    if organization is not None:
        key = {"$literal": organization}
        # The key is a member's id or a digest: it holds neither dot nor dollar.
        seats = {"$ifNull": [{"$getField": {"field": key, "input": "$taken_by_organization"}}, 0]}
        by_organization = {
            "$setField": {"field": key, "input": "$taken_by_organization", "value": {"$add": [seats, fewer]}}
        }
    return [
        {"$set": {"in_line": {"$in": [{"$literal": ticket}, "$waitlist.ticket"]}}},
        {
            "$set": {
                "taken": {"$add": ["$taken", fewer]},
                by_category: {"$add": [{"$ifNull": [f"${by_category}", 0]}, fewer]},
                "taken_by_organization": by_organization,
                "waitlist": where("$waitlist", {"$ne": ["$$one.ticket", {"$literal": ticket}]}),
                "holds": holds_where({"$not": [without]}),
            }
        },
        {"$unset": "in_line"},
        *promotion(now=now),
    ]


def _shared_out(candidates: Expression, *, now: datetime) -> Expression:
    """Walk through a batch under any policy."""
    added = {"$size": "$$value.waiting"}
    waiting = in_line("$$this", added=added)
    otherwise = {
        "room": "$$value.room",
        "kept": "$$value.kept",
        "seated": "$$value.seated",
        "waiting": {"$concatArrays": ["$$value.waiting", [waiting]]},
    }
    return let(
        {"moving": _line_moves(now)},
        walk(candidates, now=now, otherwise=otherwise, may_seat={"$not": ["$$moving"]}),
    )


def _line_before_free_seats() -> list[Expression]:
    """Conditions without which looking at the line is in vain."""
    return [nonempty("$waitlist"), {"$lt": ["$taken", "$policy.capacity"]}]


def _line_moves(now: datetime) -> Expression:
    """Whether somebody in line could take a seat.

    Within one batch seats are only taken, so whoever in line has no seat before it has none after:
    this is asked once, and while the line moves, nobody in the batch is seated.
    """
    moved = let({"moved": walk("$waitlist", now=now, otherwise="$$value", may_seat=True)}, "$$moved.seated")
    return {"$and": [*_line_before_free_seats(), nonempty(moved)]}


def _not_held(applications: Sequence[Application]) -> Expression:
    """The applications of a batch that have no admission hold."""
    batch = [
        {
            "ticket": application.ticket,
            "id": application.registration_id,
            "category": str(application.category),
            "organization": application.organization,
        }
        for application in applications
    ]
    ids = [application.registration_id for application in applications]
    admitted = let({"admitted": holds_where({"$eq": ["$$held.kind", HoldKind.ADMISSION]})}, "$$admitted.id")
    return let(
        {"known": {"$setIntersection": [{"$literal": ids}, admitted]}},
        where({"$literal": batch}, {"$not": {"$in": ["$$one.id", "$$known"]}}),
    )


def _held(kind: HoldKind, *, now: datetime, place: Expression = None) -> Expression:
    """The hold of ``$$one``."""
    return {
        "kind": kind,
        "ticket": "$$one.ticket",
        "id": "$$one.id",
        "category": "$$one.category",
        "organization": "$$one.organization",
        "number": {"$ifNull": ["$$one.number", None]},
        "place": place,
        "at": {"$literal": now},
    }


def _without_admissions(tickets: Sequence[str]) -> Expression:
    if not tickets:
        return "$holds"
    gone = {
        "$and": [
            {"$eq": ["$$held.kind", HoldKind.ADMISSION]},
            {"$in": ["$$held.ticket", {"$literal": list(tickets)}]},
        ]
    }
    return holds_where({"$not": [gone]})
