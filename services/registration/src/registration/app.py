"""The composition root of the API."""

from datetime import timedelta
from typing import Any, Final

from flask import Flask
from pymongo.database import Database

from registration.admissions import Admissions
from registration.api import forums, imports, keys, organizations, people, registrations
from registration.api.services import Services
from registration.config import RegistrationConfig
from registration.erasing import Erasing
from registration.importing import Importing
from registration.membership import Membership
from registration.pages import manage
from registration.service import SERVICE
from registration.settlement import Settlement
from registration.store.erasures import Erasures
from registration.store.forums import Forums
from registration.store.imports import Imports
from registration.store.ledger import Ledgers
from registration.store.organizations import Directory, Organizations
from registration.store.registrations import Registrations
from vetika_kit.clock import Clock
from vetika_kit.http.app import create_api

PROBLEMS: Final = {
    "already-registered": "Somebody with this e-mail address or telephone number is registered already.",
    "registration-closed": "The forum takes no registrations now.",
    "waitlist-full": "So many people wait for a seat that nobody may join the line any more.",
    "too-busy": "More people apply than can be answered at this moment; nothing was changed.",
    "undecided": "The answer took too long; the same request with the same Idempotency-Key learns it.",
    "manage-key-missing": "The registration is opened by the key in the link that was sent to the person.",
    "unreadable-import": "The file cannot be an import: its header, encoding or length is wrong.",
    "organization-known": "An organization of this name is a member or has applied.",
    "not-a-member": "Only a member organization can leave.",
}


def create_app(config: RegistrationConfig, *, database: "Database[dict[str, Any]]", clock: Clock) -> Flask:
    """Return the API of registration."""
    ledgers = Ledgers(database)
    registrations_ = Registrations(database, clock=clock)
    organizations_ = Organizations(database, clock=clock)
    directory = Directory(organizations_)
    imports_ = Imports(database)
    settlement = Settlement(ledgers=ledgers, registrations=registrations_, clock=clock)
    admissions = Admissions(
        ledgers=ledgers,
        registrations=registrations_,
        settlement=settlement,
        secret=config.key,
        clock=clock,
    )
    services = Services(
        config=config,
        clock=clock,
        ledgers=ledgers,
        registrations=registrations_,
        forums=Forums(database),
        organizations=organizations_,
        directory=directory,
        imports=imports_,
        settlement=settlement,
        admissions=admissions,
        membership=Membership(organizations=organizations_, clock=clock),
        importing=Importing(
            imports=imports_,
            admissions=admissions,
            ledgers=ledgers,
            directory=directory,
            secret=config.key,
            clock=clock,
        ),
        erasing=Erasing(
            erasures=Erasures(database, clock=clock),
            registrations=registrations_,
            secret=config.key,
            clock=clock,
            repeat_after=timedelta(seconds=config.erasure_repeat),
        ),
    )
    app = create_api(
        service=SERVICE,
        config=config,
        database=database,
        clock=clock,
        blueprints=[
            registrations.blueprint,
            forums.blueprint,
            organizations.blueprint,
            imports.blueprint,
            people.blueprint,
            keys.blueprint,
        ],
        extensions=services,
        problems=PROBLEMS,
    )
    app.register_blueprint(manage.blueprint)
    return app
