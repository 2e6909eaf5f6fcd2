"""The own copy of the forums, as meetings' events tell of them."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from pymongo.database import Database

from vetika_kit.copies import learn
from vetika_kit.inbox import UnitOfWork
from vetika_kit.mongo import Document

FORUMS: Final = "forums"


class Forums:
    """The forums that were heard of."""

    def __init__(self, *, database: "Database[Document]") -> None:
        self._collection = database[FORUMS]

    def knows(self, id_: str) -> bool:
        """Tell whether anything was heard of a forum."""
        return self._collection.count_documents({"_id": id_}, limit=1) == 1


class HeardForums:
    """Where a handler keeps what it heard; part of its unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._collection = work.database[FORUMS]
        self._work = work

    def learn(self, id_: str, *, version: int, status: str, theme: Mapping[str, str], day: date) -> None:
        """Keep what an event told, unless a newer one told more already."""
        facts = {"status": status, "theme": dict(theme), "date": day.isoformat()}
        learn(self._collection, id_, version=version, facts=facts, work=self._work)
