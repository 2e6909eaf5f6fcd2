"""Words of MongoDB's aggregation language that the updates of a ledger are written in."""

from collections.abc import Mapping
from typing import Any

Expression = Any
Stage = dict[str, Any]


def let(names: Mapping[str, Expression], value: Expression) -> Expression:
    """Name expressions for use in another."""
    return {"$let": {"vars": dict(names), "in": value}}


def each(items: Expression, value: Expression, *, name: str = "one") -> Expression:
    """Turn every item, known as ``$$name``, into a value."""
    return {"$map": {"input": items, "as": name, "in": value}}


def where(items: Expression, condition: Expression, *, name: str = "one") -> Expression:
    """Keep the items, known as ``$$name``, that meet a condition."""
    return {"$filter": {"input": items, "as": name, "cond": condition}}


def nonempty(items: Expression) -> Expression:
    """Say whether there is an item."""
    return {"$gt": [{"$size": items}, 0]}


def count(items: Expression, name: str, value: Expression) -> Expression:
    """Count the items whose `name` is a value."""
    return {"$size": where(items, {"$eq": [f"$$one.{name}", value]})}


def tally_of(key: Expression, pairs: str) -> Expression:
    """Return the number that stands with a key in pairs ``{k, v}``; 0 where the key is not there."""
    return let(
        {"at": {"$indexOfArray": [f"{pairs}.k", key]}},
        {"$cond": [{"$eq": ["$$at", -1]}, 0, {"$arrayElemAt": [f"{pairs}.v", "$$at"]}]},
    )
