"""What the views of this service work with."""

from dataclasses import dataclass
from typing import cast

from registration.admissions import Admissions
from registration.config import RegistrationConfig
from registration.domain.identity import manage_key, opens
from registration.erasing import Erasing
from registration.importing import Importing
from registration.membership import Membership
from registration.settlement import Settlement
from registration.store.forums import Forums
from registration.store.imports import Imports
from registration.store.ledger import Ledgers
from registration.store.organizations import Directory, Organizations
from registration.store.registrations import Document, Registrations
from vetika_kit.clock import Clock
from vetika_kit.http.context import current_services
from vetika_kit.ids import short_id


@dataclass(frozen=True, kw_only=True)
class Services:
    """Made once a process by `registration.app`."""

    config: RegistrationConfig
    clock: Clock
    ledgers: Ledgers
    registrations: Registrations
    forums: Forums
    organizations: Organizations
    directory: Directory
    imports: Imports
    settlement: Settlement
    admissions: Admissions
    membership: Membership
    importing: Importing
    erasing: Erasing

    def opened_by_key(self, registration_id: str, key: str) -> Document | None:
        """Return the registration that a manage key opens; None for a wrong key as for an unknown id."""
        found = self.registrations.get(registration_id)
        if found is None or not opens(key, person=found["person_id"], secret=self.config.key):
            return None
        return found

    def manage_link(self, registration: Document) -> str:
        """Return the link by which a person manages a registration; notifications writes the same."""
        key = manage_key(registration["person_id"], secret=self.config.key)
        return f"{self.config.public_url.rstrip('/')}/m/{short_id(registration['_id'])}/{key}"


def services() -> Services:
    """Return this application's services."""
    return cast("Services", current_services())
