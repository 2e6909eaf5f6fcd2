"""Forums that come back from the own events."""

from meetings.domain.forum import Forum
from meetings.store.forums import FORUMS, document
from vetika_kit.backup.recovery import put_back
from vetika_kit.events import Received
from vetika_kit.inbox import UnitOfWork


class RecoveredForums:
    """Where forums are put back; part of a unit of work."""

    def __init__(self, *, work: UnitOfWork) -> None:
        self._work = work

    def put_back(self, forum: Forum, *, event: Received) -> None:
        """Make a forum what the event told of it, unless that is known already."""
        changes = document(forum)
        del changes["_id"]
        put_back(
            self._work.database[FORUMS], forum.id, event=event, changes=changes, otherwise={}, work=self._work
        )
