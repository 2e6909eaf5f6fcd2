"""What can be done with drafts: rules, stores and clock brought together."""

from recommendations.domain.errors import UnknownForumError, UnknownRecommendationError
from recommendations.domain.recommendation import Draft, Reader, Recommendation
from recommendations.publishes import RecommendationDrafted
from recommendations.store.forums import Forums
from recommendations.store.recommendations import Kept, RecommendationStore
from vetika_kit.clock import Clock


class Drafts:
    """The use cases of drafts."""

    def __init__(self, *, store: RecommendationStore, forums: Forums, clock: Clock) -> None:
        self._store = store
        self._forums = forums
        self._clock = clock

    def write_down(self, draft: Draft, *, id_: str) -> Kept:
        """Keep a recommendation as a draft and tell of it.

        Raises:
            UnknownForumError: It is said to come from a forum that nothing was heard of.
        """
        if draft.forum_id is not None and not self._forums.knows(draft.forum_id):
            raise UnknownForumError(draft.forum_id)
        drafted = RecommendationDrafted.event(
            subject=id_,
            recommendation_id=id_,
            version=1,
            forum_id=draft.forum_id,
            title=draft.title,
            organization_id=draft.organization_id,
        )
        return self._store.add(Recommendation(id=id_, draft=draft, drafted_at=self._clock.now()), drafted)

    def show(self, id_: str, *, reader: Reader) -> Kept:
        """Show a recommendation to somebody who may read it.

        Raises:
            UnknownRecommendationError: There is none for this caller.
        """
        found = self._store.get(id_)
        if found is None or not reader.sees(found.recommendation.draft):
            raise UnknownRecommendationError(id_)
        return found
