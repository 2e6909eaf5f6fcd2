"""The walk: candidates in order, each given a seat where `domain/placement.py` gives one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from registration.domain.categories import StakeholderCategory
from registration.store.expressions import Expression, Stage, count, each, let, nonempty, tally_of

_CATEGORIES: Final = [str(category) for category in StakeholderCategory]


def walk(candidates: Expression, *, now: datetime, otherwise: Expression, may_seat: Expression) -> Expression:
    """Give seats to candidates in order; return ``{room, kept, seated, waiting}``.

    ``room`` is what nobody in particular is kept free for. A seat comes out of the category's own
    reservation first; then the room of the others does not shrink.

    Args:
        candidates: Those who want a seat, each with ``category`` and ``organization``.
        now: The moment, for reservations that end.
        otherwise: The value of the walk after a candidate who gets no seat.
        may_seat: A condition on the candidate beside the count of seats.
    """
    left = {"$arrayElemAt": ["$$value.kept", "$$mine"]}
    has_seat = {"$gt": [{"$add": ["$$value.room", "$$left"]}, 0]}
    step = let(
        {"mine": {"$indexOfArray": [_CATEGORIES, "$$this.category"]}},
        let(
            {"left": left},
            {"$cond": [{"$and": [may_seat, has_seat, _within_limit()]}, _seated(), otherwise]},
        ),
    )
    return let(
        {"kept": _kept_free(now), "organizations": {"$objectToArray": "$taken_by_organization"}},
        {
            "$reduce": {
                "input": candidates,
                "initialValue": {
                    "room": {"$subtract": ["$policy.capacity", {"$add": ["$taken", {"$sum": "$$kept"}]}]},
                    "kept": "$$kept",
                    "seated": [],
                    "waiting": [],
                },
                "in": step,
            }
        },
    )


FIRST_COME: Final[Mapping[str, Any]] = {"policy.reserved": {}, "policy.organization_limit": None}
"""Matches the ledgers whose seats are shared out by nothing but the order of arrival."""


def first_come_first_served(candidates: Expression) -> Expression:
    """Do what `walk` does where nothing is reserved or limited; return ``{seated, waiting}``.

    There, whoever waits could take any free seat: a newcomer gets one only while nobody waits.
    """
    free = {"$max": [0, {"$subtract": ["$policy.capacity", "$taken"]}]}
    seats = {"$cond": [nonempty("$waitlist"), 0, {"$min": [free, {"$size": "$$candidates"}]}]}
    rest = {"$subtract": [{"$size": "$$candidates"}, "$$seats"]}
    candidate = {"$arrayElemAt": ["$$candidates", {"$add": ["$$seats", "$$added"]}]}
    return let(
        {"candidates": candidates},
        let(
            {"seats": seats},
            {
                # $slice refuses a length of 0.
                "seated": {"$cond": ["$$seats", {"$slice": ["$$candidates", "$$seats"]}, []]},
                "waiting": each({"$range": [0, rest]}, in_line(candidate, added="$$added"), name="added"),
            },
        ),
    )


def in_line(candidate: Expression, *, added: Expression) -> Expression:
    """Return a candidate with the number and place of one who stands behind `added` others of the batch."""
    return {
        "$mergeObjects": [
            candidate,
            {
                "number": {"$add": ["$next_number", added]},
                "place": {"$add": [{"$size": "$waitlist"}, added, 1]},
            },
        ]
    }


def _kept_free(now: datetime) -> Expression:
    """Seats still kept free for each category, in the order of `_CATEGORIES`; none after the release."""
    released = {
        "$and": [{"$ne": ["$policy.release_at", None]}, {"$gte": [{"$literal": now}, "$policy.release_at"]}]
    }
    left = [
        {
            "$max": [
                0,
                {
                    "$subtract": [
                        {"$ifNull": [f"$policy.reserved.{category}", 0]},
                        {"$ifNull": [f"$taken_by_category.{category}", 0]},
                    ]
                },
            ]
        }
        for category in _CATEGORIES
    ]
    return {"$cond": [released, [0] * len(_CATEGORIES), left]}


def _within_limit() -> Expression:
    """Whether the candidate's organization may take one more, with what the walk gave it already."""
    taken = {
        "$add": [
            tally_of("$$this.organization", "$$organizations"),
            count("$$value.seated", "organization", "$$this.organization"),
        ]
    }
    return {
        "$or": [
            {"$eq": ["$policy.organization_limit", None]},
            {"$eq": ["$$this.organization", None]},
            {"$lt": [taken, "$policy.organization_limit"]},
        ]
    }


def _seated() -> Expression:
    """The value of the walk after a candidate who gets a seat."""
    reserved = {"$gt": ["$$left", 0]}
    one_less = {
        "$subtract": [
            {"$arrayElemAt": ["$$value.kept", "$$place"]},
            {"$cond": [{"$eq": ["$$place", "$$mine"]}, 1, 0]},
        ]
    }
    return {
        "room": {"$cond": [reserved, "$$value.room", {"$subtract": ["$$value.room", 1]}]},
        "kept": {
            "$cond": [
                reserved,
                each({"$range": [0, len(_CATEGORIES)]}, one_less, name="place"),
                "$$value.kept",
            ]
        },
        "seated": {"$concatArrays": ["$$value.seated", ["$$this"]]},
        "waiting": "$$value.waiting",
    }


def _tallied(field: str, name: str) -> Expression:
    """The counts of `field` with those seated in ``walk`` added, by their `name`."""
    keys = {"$setDifference": [each("$walk.seated", f"$$one.{name}"), [None]]}
    seats = {"$add": [tally_of("$$key", "$$before"), count("$walk.seated", name, "$$key")]}
    added = each(keys, {"k": "$$key", "v": seats}, name="key")
    return let(
        {"before": {"$objectToArray": f"${field}"}},
        {"$mergeObjects": [f"${field}", {"$arrayToObject": [added]}]},
    )


SEATED_COUNTS: Final[Stage] = {
    "taken": {"$add": ["$taken", {"$size": "$walk.seated"}]},
    "taken_by_category": _tallied("taken_by_category", "category"),
    "taken_by_organization": _tallied("taken_by_organization", "organization"),
}
"""The counts of a ledger after a stage that left its walk in ``walk``."""
