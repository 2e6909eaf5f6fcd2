"""Everything that a schema allows, one step at a time from an example.

A reader that loads one example may still break on the next event: another of the listed values, a field
that is null or left out, the longest text. Each variant differs from the example in one such point.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]


def variants(
    example: Mapping[str, Any], *, schema: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield changed copies of ``example``, each with a word on what is different."""
    for path, told, change in _changes(example, schema, path=()):
        changed = copy.deepcopy(dict(example))
        *way, last = path
        holder: Any = changed
        for step in way:
            holder = holder[step]
        if change is _MISSING:
            del holder[last]
        else:
            holder[last] = change
        yield f"/{'/'.join(map(str, path))} {told}", changed


_MISSING = object()


def _changes(value: Any, schema: Mapping[str, Any], *, path: Path) -> Iterator[tuple[Path, str, Any]]:
    inner = _of_value(schema)
    if path:
        yield from _other_values(value, schema, inner, path=path)
    if isinstance(value, Mapping):
        required = inner.get("required", ())
        for name, field in inner.get("properties", {}).items():
            if name in value:
                if name not in required:
                    yield (*path, name), "left out", _MISSING
                yield from _changes(value[name], field, path=(*path, name))
    elif isinstance(value, list) and value and isinstance(items := inner.get("items"), Mapping):
        yield from _changes(value[0], items, path=(*path, 0))


def _other_values(
    value: Any, schema: Mapping[str, Any], inner: Mapping[str, Any], *, path: Path
) -> Iterator[tuple[Path, str, Any]]:
    if value is not None and _allows_null(schema):
        yield path, "is null", None
    for choice in inner.get("enum", ()):
        if choice != value and choice is not None:
            yield path, f"is {choice!r}", choice
    for bound in ("minimum", "maximum"):
        if bound in inner and inner[bound] != value:
            yield path, f"is {inner[bound]}", inner[bound]
    if isinstance(value, str) and not inner.keys() & {"format", "pattern", "enum"}:
        for bound in ("minLength", "maxLength"):
            if bound in inner:
                yield path, f"has {inner[bound]} characters", "x" * inner[bound]
    if isinstance(value, list) and value and not inner.get("minItems"):
        yield path, "is empty", []


def _allows_null(schema: Mapping[str, Any]) -> bool:
    types = schema.get("type")
    return (isinstance(types, list) and "null" in types) or {"type": "null"} in schema.get("anyOf", ())


def _of_value(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of what is not null."""
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    return {**schema, **options[0]} if len(options) == 1 else schema
