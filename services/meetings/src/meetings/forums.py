"""What can be done with forums: rules, store and clock brought together."""

import logging
from collections.abc import Callable
from typing import Final

from meetings.domain.actor import Actor
from meetings.domain.errors import NotTheHostError, UnknownForumError
from meetings.domain.forum import Forum
from meetings.domain.host import check_host
from meetings.domain.plan import LocalizedText, Plan, check
from meetings.publishes import told
from meetings.store.forums import ForumStore, Kept
from meetings.store.organizations import Organizations
from vetika_kit.clock import Clock
from vetika_kit.outbox import StaleVersionError

log = logging.getLogger(__name__)

_TRIES: Final = 5
"""How often a step is decided anew when somebody else changed the forum meanwhile; two hands and
the dates can meet, more than that at one forum in one instant cannot be people."""

_DUE_AT_ONCE: Final = 100
"""Forums that one round of the dates moves on; the next round takes the rest."""


class Forums:
    """The use cases of forums.

    Every one answers the forum as it is kept afterwards and may raise `UnknownForumError`,
    `NotTheHostError`, `RefusedError` or `BadPlanError`.
    """

    def __init__(self, *, store: ForumStore, organizations: Organizations, clock: Clock) -> None:
        self._store = store
        self._organizations = organizations
        self._clock = clock

    def show(self, id_: str, *, actor: Actor) -> Kept:
        """Show a forum to somebody who may know of it."""
        kept = self._store.get(id_)
        if not actor.sees(kept.forum):
            raise UnknownForumError(id_)
        return kept

    def draft(self, plan: Plan, *, id_: str, actor: Actor) -> Kept:
        """Begin a forum that nobody else knows of yet."""
        if not actor.runs(plan.host_organization_id):
            raise NotTheHostError
        check(plan)
        self._check_host(plan)
        return self._store.add(Forum(id=id_, plan=plan))

    def own(self, id_: str, *, actor: Actor) -> Kept:
        """Show a forum to somebody who runs it."""
        kept = self.show(id_, actor=actor)
        if not actor.runs(kept.forum.plan.host_organization_id):
            raise NotTheHostError
        return kept

    def revise(self, seen: Kept, plan: Plan, *, actor: Actor) -> Kept:
        """Put another plan in the place of the one that was seen.

        Raises:
            StaleVersionError: The forum changed since it was seen.
        """
        after = seen.forum.revised(plan, now=self._clock.now())
        if plan.host_organization_id != seen.forum.plan.host_organization_id:
            if not actor.runs(plan.host_organization_id):
                raise NotTheHostError
            self._check_host(plan)
        return self._keep(seen, after)

    def announce(self, id_: str, *, actor: Actor) -> Kept:
        """Make a forum public; its host must still be a member then."""

        def announced(forum: Forum) -> Forum:
            after = forum.announced(now=self._clock.now())
            self._check_host(after.plan)
            return after

        return self._step(id_, announced, actor=actor)

    def open(self, id_: str, *, actor: Actor) -> Kept:
        """Open registration, or open it again."""
        return self._step(id_, lambda forum: forum.opened(now=self._clock.now()), actor=actor)

    def close(self, id_: str, *, actor: Actor) -> Kept:
        """Close registration."""
        return self._step(id_, lambda forum: forum.closed(), actor=actor)

    def cancel(self, id_: str, *, reason: LocalizedText | None, actor: Actor) -> Kept:
        """Call a forum off."""
        return self._step(
            id_, lambda forum: forum.cancelled(reason=reason, now=self._clock.now()), actor=actor
        )

    def follow_the_dates(self) -> int:
        """Open and close what is due; return how many forums moved on.

        Safe on many processes at once: the version that a step was decided on decides who takes it.
        """
        now = self._clock.now()
        moved = 0
        for seen in self._store.due(now=now, limit=_DUE_AT_ONCE):
            after = seen.forum.moved_on(now=now)
            try:
                self._keep(seen, after)
            except StaleVersionError:
                continue  # another worker or a person was there first; what is still due is found again
            moved += 1
            log.info("forum moved on by its dates", extra={"forum_id": after.id, "status": after.status})
        return moved

    def _step(self, id_: str, step: Callable[[Forum], Forum], *, actor: Actor) -> Kept:
        for remaining in reversed(range(_TRIES)):
            seen = self.own(id_, actor=actor)
            try:
                return self._keep(seen, step(seen.forum))
            except StaleVersionError:
                if not remaining:
                    raise
        raise AssertionError("unreachable")

    def _keep(self, seen: Kept, after: Forum) -> Kept:
        events = told(seen.forum, after, version=seen.version + 1)
        return self._store.change(seen, after, *events)

    def _check_host(self, plan: Plan) -> None:
        if plan.host_organization_id is not None:
            check_host(self._organizations.get(plan.host_organization_id))
