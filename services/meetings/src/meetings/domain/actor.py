"""Who acts, and what is theirs."""

from dataclasses import dataclass

from meetings.domain.forum import Forum


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A caller as the rules see one.

    Attributes:
        secretariat: Runs every forum.
        organization_id: The organization that this caller represents; None: represents none.
    """

    secretariat: bool = False
    organization_id: str | None = None

    def runs(self, host_organization_id: str | None) -> bool:
        """Tell whether the forums of this host are the caller's to run.

        A forum without a host is the secretariat's.
        """
        return self.secretariat or (
            self.organization_id is not None and self.organization_id == host_organization_id
        )

    def sees(self, forum: Forum) -> bool:
        """Tell whether the caller may know of this forum: drafts are their makers'."""
        return forum.public or self.runs(forum.plan.host_organization_id)
