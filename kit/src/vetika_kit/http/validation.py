"""What marshmallow found wrong, as a list of pointers."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marshmallow import Schema, fields

from vetika_kit.http.problems import Problem

_MOST: Final = 50  # errors in an answer; who has more mends these first
_LONGEST: Final = 200  # characters of a pointer: an unknown field's name is the caller's own text
_WHOLE: Final = "_schema"  # marshmallow's key for errors of the whole object

Part = Schema | fields.Field[Any] | None
Path = tuple[Any, ...]


def invalid_fields(messages: Any, *, location: str = "json", schema: Schema | None = None) -> Problem:
    """Return the 422 for marshmallow's messages about one part of a request.

    Args:
        messages: ``ValidationError.messages``.
        location: ``json``, ``query``, ``path``, ``headers`` or ``form``.
        schema: What loaded it, if it has fields with names of the caller's choice (`fields.Dict`).
    """
    errors: list[dict[str, str]] = []
    for path, detail in _flat(messages, (), about=schema):
        if len(errors) == _MOST:
            break
        if location == "json":
            pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
            errors.append({"pointer": pointer[:_LONGEST], "detail": detail})
        else:
            errors.append({"parameter": ".".join(str(part) for part in path)[:_LONGEST], "detail": detail})
    what = "fields" if location in ("json", "form") else "parameters"
    return Problem(422, f"invalid-{what}", f"Some {what} break a rule.", errors=errors)


def _flat(messages: Any, path: Path, *, about: Part) -> Iterator[tuple[Path, str]]:
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            if name == _WHOLE:
                yield from _flat(inner, path, about=about)
            elif isinstance(about, fields.Dict):
                yield from _of_entry(inner, (*path, name), about=about)
            else:
                yield from _flat(inner, (*path, name), about=_part(about, name))
    elif isinstance(messages, list | tuple):
        for inner in messages:
            yield from _flat(inner, path, about=about)
    else:
        yield path, str(messages)


def _of_entry(messages: Mapping[str, Any], path: Path, *, about: fields.Dict) -> Iterator[tuple[Path, str]]:
    """Point to the entry, be it the key that is wrong or the value: marshmallow files them apart."""
    yield from _flat(messages.get("key", ()), path, about=None)
    yield from _flat(messages.get("value", ()), path, about=about.value_field)


def _part(whole: Part, name: Any) -> Part:
    if isinstance(whole, fields.List):
        return whole.inner
    if isinstance(whole, fields.Nested):
        return whole if isinstance(name, int) else _part(whole.schema, name)
    if isinstance(whole, Schema):
        return next((field for key, field in whole.fields.items() if name in (field.data_key, key)), None)
    return None
