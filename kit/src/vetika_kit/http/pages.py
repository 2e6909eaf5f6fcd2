"""Cursor pages: a page goes on behind the last item of the page before, whatever was added meanwhile."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from marshmallow import Schema, fields, validate
from pymongo import ASCENDING
from pymongo.collection import Collection

from vetika_kit.http.problems import Problem

_DEFAULT_LIMIT: Final = 50
_HIGHEST_LIMIT: Final = 200
_LONGEST_CURSOR: Final = 2000
_CHECK: Final = 6  # bytes that tie a cursor to its list
_CODEC: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True)


class PageQuery(Schema):
    """Which page; an endpoint with filters adds them in a subclass."""

    limit = fields.Integer(
        load_default=_DEFAULT_LIMIT,
        validate=validate.Range(min=1, max=_HIGHEST_LIMIT),
        metadata={"description": "Items on the page at most."},
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(max=_LONGEST_CURSOR),
        metadata={"description": "`next` of the page before; nothing for the first page."},
    )


def page_of(item: type[Schema]) -> type[Schema]:
    """Return the schema of a page of such items."""
    name = item.__name__.removesuffix("Schema") + "PageSchema"
    return Schema.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next": fields.String(
                required=True,
                allow_none=True,
                metadata={"description": "`cursor` of the next page; null on the last one."},
            ),
        },
        name=name,
    )


def page(
    collection: "Collection[dict[str, Any]]",
    filter_: Mapping[str, Any],
    *,
    query: Mapping[str, Any],
    order: tuple[str, int] = ("_id", ASCENDING),
    present: Callable[[dict[str, Any]], Any],
    projection: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one page of a collection.

    Args:
        collection: Where the items are.
        filter_: Which of them.
        query: What `PageQuery` loaded.
        order: Field and direction (1 or -1); ties are broken by ``_id``. Needs an index on both.
        present: Turns a document into an item.
        projection: Fields to read; must leave in the field of the order.

    Raises:
        Problem: 422 when the cursor was not made for this list.
    """
    field, direction = order
    limit = int(query["limit"])
    condition = dict(filter_)
    if query.get("cursor"):
        last = _opened(query["cursor"], collection=collection.name, order=order)
        condition = {"$and": [condition, _behind(last, field=field, direction=direction)]}
    keys = [("_id", direction)] if field == "_id" else [(field, direction), ("_id", direction)]
    found = list(collection.find(condition, projection).sort(keys).limit(limit + 1))
    more = len(found) > limit
    found = found[:limit]
    cursor = _sealed(found[-1], collection=collection.name, order=order) if more else None
    return {"items": [present(document) for document in found], "next": cursor}


def _behind(last: Mapping[str, Any], *, field: str, direction: int) -> dict[str, Any]:
    after = "$gt" if direction == ASCENDING else "$lt"
    if field == "_id":
        return {"_id": {after: last["id"]}}
    value = last["value"]
    alternatives: list[dict[str, Any]] = [{field: value, "_id": {after: last["id"]}}]
    # MongoDB sorts what has no value before everything, and compares it with nothing.
    if value is not None:
        alternatives.append({field: {after: value}})
        if direction != ASCENDING:
            alternatives.append({field: None})
    elif direction == ASCENDING:
        alternatives.append({field: {"$ne": None}})
    return {"$or": alternatives}


def _sealed(last: Mapping[str, Any], *, collection: str, order: tuple[str, int]) -> str:
    value: Any = last
    if order[0] != "_id":
        for part in order[0].split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    content = bson.encode({"id": last["_id"], "value": None if order[0] == "_id" else value})
    return base64.urlsafe_b64encode(_check(content, collection, order) + content).decode().rstrip("=")


def _opened(cursor: str, *, collection: str, order: tuple[str, int]) -> Mapping[str, Any]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if raw[:_CHECK] != _check(raw[_CHECK:], collection, order):
            raise _foreign()
        last = bson.decode(raw[_CHECK:], codec_options=_CODEC)
    except (binascii.Error, ValueError, BSONError):
        raise _foreign() from None
    if (
        last.keys() != {"id", "value"}
        or isinstance(last["value"], Mapping)
        or isinstance(last["id"], Mapping)
    ):
        raise _foreign()
    return last


def _check(content: bytes, collection: str, order: tuple[str, int]) -> bytes:
    # No secret: a cursor opens nothing that the caller could not list. It only must not be of another list.
    return hashlib.blake2b(f"{collection} {order}".encode() + content, digest_size=_CHECK).digest()


def _foreign() -> Problem:
    return Problem(
        422,
        "invalid-parameters",
        "Some parameters break a rule.",
        errors=[{"parameter": "cursor", "detail": "Not a cursor of this list."}],
    )
