"""What the views of this service work with."""

from dataclasses import dataclass
from typing import cast

from recommendations.domain.recommendation import Reader
from recommendations.drafts import Drafts
from recommendations.store.recommendations import RecommendationStore
from vetika_kit.http.access import Role, principal
from vetika_kit.http.context import current_services


@dataclass(frozen=True, kw_only=True)
class Services:
    """Made once a process by `recommendations.app`."""

    drafts: Drafts
    store: RecommendationStore


def services() -> Services:
    """Return this application's services."""
    return cast("Services", current_services())


def reader() -> Reader:
    """Return the caller as the rules see one."""
    caller = principal()
    represents = caller.organization_id if Role.ORGANIZATION in caller.roles else None
    return Reader(secretariat=Role.SECRETARIAT in caller.roles, organization_id=represents)
