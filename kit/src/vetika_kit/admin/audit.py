"""The audit log: who did what as an operator, written down before it is done."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from flask import Response
from pymongo.collection import Collection
from pymongo.database import Database

from vetika_kit.clock import Clock
from vetika_kit.http.access import principal
from vetika_kit.http.context import current_runtime
from vetika_kit.http.exchanges import current_request_id
from vetika_kit.http.problems import Problem
from vetika_kit.ids import new_id

P = ParamSpec("P")
R = TypeVar("R")

_REFUSED_BELOW: Final = 500


class Audit:
    """The collection ``audit``; nothing in it is changed but the outcome, and nothing is ever removed."""

    def __init__(self, database: "Database[dict[str, Any]]", *, clock: Clock) -> None:
        self.collection: Collection[dict[str, Any]] = database["audit"]
        self._clock = clock

    def begin(self, *, action: str, target: Mapping[str, str]) -> str:
        """Write down that somebody is about to act; return the entry's id."""
        caller = principal()
        entry = new_id()
        self.collection.insert_one(
            {
                "_id": entry,
                "at": self._clock.now(),
                "subject": caller.subject,
                "roles": sorted(caller.roles),
                "action": action,
                "target": dict(target),
                "request_id": current_request_id(),
                "outcome": "begun",
            }
        )
        return entry

    def end(self, entry: str, *, outcome: str) -> None:
        """Write down what came of it: ``done``, ``refused`` or ``failed``."""
        self.collection.update_one(
            {"_id": entry}, {"$set": {"outcome": outcome, "ended_at": self._clock.now()}}
        )


def audited(action: str) -> Callable[[Callable[P, R]], Callable[P, R | Response]]:
    """Write an audit entry around a view; stands below ``@idempotent``: a repeated answer is no second act.

    An entry that stays ``begun`` is of a process that died in between.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R | Response]:
        @wraps(view)
        def recorded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            runtime = current_runtime()
            audit = Audit(runtime.database, clock=runtime.clock)
            entry = audit.begin(action=action, target={name: str(value) for name, value in kwargs.items()})
            try:
                result = view(*args, **kwargs)
            except Problem as problem:
                audit.end(entry, outcome="refused" if problem.status < _REFUSED_BELOW else "failed")
                raise
            except Exception:
                audit.end(entry, outcome="failed")
                raise
            audit.end(entry, outcome="done")
            return result

        return recorded

    return decorate
