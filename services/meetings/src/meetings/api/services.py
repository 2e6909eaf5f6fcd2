"""What the views of this service work with."""

from dataclasses import dataclass
from typing import cast

from meetings.domain.actor import Actor
from meetings.forums import Forums
from meetings.store.forums import ForumStore
from vetika_kit.http.access import Role, principal
from vetika_kit.http.context import current_services


@dataclass(frozen=True, kw_only=True)
class Services:
    """Made once a process by `meetings.app`."""

    forums: Forums
    store: ForumStore


def services() -> Services:
    """Return this application's services."""
    return cast("Services", current_services())


def actor() -> Actor:
    """Return the caller as the rules see one."""
    caller = principal()
    represents = caller.organization_id if Role.ORGANIZATION in caller.roles else None
    return Actor(secretariat=Role.SECRETARIAT in caller.roles, organization_id=represents)
