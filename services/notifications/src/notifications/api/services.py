"""What the views of this service work with."""

from dataclasses import dataclass, field
from typing import cast

from notifications.store.contacts import Contacts
from notifications.store.deliveries import Deliveries
from vetika_kit.clock import Clock
from vetika_kit.http.context import current_services


@dataclass(frozen=True, kw_only=True)
class Services:
    """Made once a process by `notifications.app`."""

    deliveries: Deliveries
    contacts: Contacts
    clock: Clock
    sms_token: str | None = field(repr=False)
    public_url: str


def services() -> Services:
    """Return this application's services."""
    return cast("Services", current_services())
