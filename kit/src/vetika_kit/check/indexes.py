"""Whether the database has the indexes that this code makes when it starts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from vetika_kit.check.findings import Finding, bad, good, note
from vetika_kit.service import Context

_COMPARED: Final = ("unique", "sparse", "expireAfterSeconds", "partialFilterExpression")


def indexes(context: Context) -> Iterator[Finding]:
    """Missing ones are made at the start; one that is there under the name but different stops the start."""
    found = []
    for collection, name, keys, options in wanted(context):
        present = context.database[collection].index_information().get(name)
        if present is None:
            found.append(note("indexes", f"{collection}.{name} is missing; the first process makes it"))
        elif (list(present["key"]), _told(present)) != (keys, _told(options)):
            found.append(
                bad(
                    "indexes",
                    f"{collection}.{name} is not as this version makes it: drop it, the start makes it anew",
                )
            )
    yield from found or [good("indexes", "all are there")]


def wanted(context: Context) -> list[tuple[str, str, list[tuple[str, Any]], Mapping[str, Any]]]:
    """Return what ``prepare`` would make: collection, name, keys and options of every index."""
    recorder = _Recorder()
    # It takes the place of the database for as long as nothing but indexes is asked of it.
    context.service.prepare(cast("Any", recorder), coalition=context.config.coalition, clock=context.clock)
    return recorder.made


def _told(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in _COMPARED if options.get(name)}


@dataclass(frozen=True, kw_only=True)
class _Recorder:
    """A database that writes down which indexes are asked for."""

    made: list[tuple[str, str, list[tuple[str, Any]], Mapping[str, Any]]] = field(default_factory=list)

    def __getitem__(self, name: str) -> "_Collection":
        return _Collection(name=name, made=self.made)

    def get_collection(self, name: str, **_: Any) -> "_Collection":
        return self[name]


@dataclass(frozen=True, kw_only=True)
class _Collection:
    name: str
    made: list[tuple[str, str, list[tuple[str, Any]], Mapping[str, Any]]]

    def with_options(self, **_: Any) -> "_Collection":
        return self

    def create_index(self, keys: str | Sequence[tuple[str, Any]], *, name: str, **options: Any) -> None:
        pairs = [(keys, 1)] if isinstance(keys, str) else [(key, direction) for key, direction in keys]
        self.made.append((self.name, name, pairs, options))
