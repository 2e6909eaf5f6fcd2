"""What changed between two versions of an event's schema, and whether readers can bear it.

Events are read in both directions: a reader made for the old schema meets new events, and a reader made
for the new one meets old events, because the stream is replayed. So almost nothing may change; what must,
gets a type of its own (`…v2`) that is published beside the old one for as long as somebody reads that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

JsonSchema: TypeAlias = Mapping[str, Any]


class Verdict(StrEnum):
    """What a change means for readers."""

    COMPATIBLE = "compatible"
    WATCH = (
        "watch"  # no reader may depend on its absence; the check puts the new values before every reader here
    )
    BREAKING = "breaking"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between two schemas."""

    path: str  # JSON pointer to the field, "" for the whole
    what: str
    verdict: Verdict
    because: str

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.what} ({self.because})"


_ANNOTATIONS: Final = frozenset(
    {"$schema", "$id", "title", "description", "examples", "default", "deprecated", "readOnly", "writeOnly"}
)

# keyword → +1 when a greater value narrows, -1 when a lesser one does
_BOUNDS: Final = {
    "minimum": 1, "exclusiveMinimum": 1, "minLength": 1, "minItems": 1, "minProperties": 1,
    "maximum": -1, "exclusiveMaximum": -1, "maxLength": -1, "maxItems": -1, "maxProperties": -1,
}  # fmt: skip

_REPLAY: Final = "events already in the stream may not fit"
_OLD_READERS: Final = "readers made for the old schema may not load it"


def changes(old: JsonSchema, new: JsonSchema, *, path: str = "") -> Iterator[Change]:
    """Yield what is different in ``new``, field by field."""
    old, old_nullable = _without_null(old)
    new, new_nullable = _without_null(new)
    if old_nullable != new_nullable:
        what, because = (
            ("null is now possible", _OLD_READERS) if new_nullable else ("null is refused now", _REPLAY)
        )
        yield Change(path=path, what=what, verdict=Verdict.BREAKING, because=because)
    yield from _fields(old, new, path=path)
    yield from _choices(old, new, path=path)
    yield from _bounds(old, new, path=path)
    for keyword, step in (("items", "/*"), ("additionalProperties", "/*"), ("propertyNames", "/*key")):
        yield from _inner(old, new, keyword=keyword, path=path + step)
    yield from _rest(old, new, path=path)


def breaking(old: JsonSchema, new: JsonSchema) -> list[Change]:
    """Return the changes that need a new version of the type."""
    return [change for change in changes(old, new) if change.verdict is Verdict.BREAKING]


def _fields(old: JsonSchema, new: JsonSchema, *, path: str) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
    added = [name for name in after if name not in before]
    for name, schema in before.items():
        where = f"{path}/{name}"
        if name in after:
            if name in required_after - required_before:
                yield Change(path=where, what="is required now", verdict=Verdict.BREAKING, because=_REPLAY)
            if name in required_before - required_after:
                yield Change(
                    path=where, what="may be missing now", verdict=Verdict.BREAKING, because=_OLD_READERS
                )
            yield from changes(schema, after[name], path=where)
            continue
        twins = [other for other in added if not breaking(schema, after[other])]
        what = f"is gone (renamed to {twins[0]}?)" if len(twins) == 1 else "is gone"
        yield Change(path=where, what=what, verdict=Verdict.BREAKING, because=_OLD_READERS)
    for name in added:
        where = f"{path}/{name}"
        if name in required_after:
            yield Change(path=where, what="is new and required", verdict=Verdict.BREAKING, because=_REPLAY)
        else:
            yield Change(
                path=where,
                what="is new and optional",
                verdict=Verdict.COMPATIBLE,
                because="readers ignore new fields",
            )


def _choices(old: JsonSchema, new: JsonSchema, *, path: str) -> Iterator[Change]:
    before, after = _values(old), _values(new)
    if before is None and after is None:
        return
    if before is None:
        yield Change(
            path=path, what="is limited to a list of values now", verdict=Verdict.BREAKING, because=_REPLAY
        )
    elif after is None:
        yield Change(
            path=path, what="is no longer a list of values", verdict=Verdict.BREAKING, because=_OLD_READERS
        )
    else:
        for value in (one for one in before if one not in after):
            yield Change(
                path=path, what=f"value {value!r} is gone", verdict=Verdict.BREAKING, because=_REPLAY
            )
        for value in (one for one in after if one not in before):
            yield Change(
                path=path,
                what=f"value {value!r} is new",
                verdict=Verdict.WATCH,
                because="every reader here is tried with it; partners are told to expect more values",
            )


def _bounds(old: JsonSchema, new: JsonSchema, *, path: str) -> Iterator[Change]:
    for keyword, sign in _BOUNDS.items():
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        narrower = after is not None and (before is None or (after - before) * sign > 0)
        yield Change(
            path=path,
            what=f"{keyword} {_told(before)} became {_told(after)}",
            verdict=Verdict.BREAKING if narrower else Verdict.WATCH,
            because=_REPLAY if narrower else "every reader here is tried with the widest values",
        )


def _inner(old: JsonSchema, new: JsonSchema, *, keyword: str, path: str) -> Iterator[Change]:
    before, after = old.get(keyword), new.get(keyword)
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from changes(before, after, path=path)
    else:
        yield Change(
            path=path,
            what=f"{keyword} came, went or closed",
            verdict=Verdict.BREAKING,
            because="what fits is different",
        )


_HANDLED: Final = frozenset(
    {
        *_ANNOTATIONS,
        *_BOUNDS,
        "properties",
        "required",
        "enum",
        "const",
        "items",
        "additionalProperties",
        "propertyNames",
    }
)


def _rest(old: JsonSchema, new: JsonSchema, *, path: str) -> Iterator[Change]:
    """Every other keyword (type, format, pattern, …) must stay: two of them cannot be compared by rule."""
    for keyword in sorted((old.keys() | new.keys()) - _HANDLED):
        if keyword.startswith("x-") or old.get(keyword) == new.get(keyword):
            continue
        yield Change(
            path=path,
            what=f"{keyword} {_told(old.get(keyword))} became {_told(new.get(keyword))}",
            verdict=Verdict.BREAKING,
            because="what fits is different",
        )


def _without_null(schema: JsonSchema) -> tuple[JsonSchema, bool]:
    """Return the schema of what is not null, and whether null fits too, however it was written."""
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(options) == 1 and len(schema.get("anyOf", ())) > 1:
        rest = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
        return {**rest, **options[0]}, True
    types = schema.get("type")
    if not isinstance(types, list):
        return schema, False
    kept = [one for one in types if one != "null"]
    plain = {**schema, "type": kept[0] if len(kept) == 1 else sorted(kept)}
    if "enum" in plain:
        plain["enum"] = [value for value in plain["enum"] if value is not None]
    return plain, "null" in types


def _values(schema: JsonSchema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None


def _told(value: object) -> str:
    return "(none)" if value is None else f"{value!r}"
