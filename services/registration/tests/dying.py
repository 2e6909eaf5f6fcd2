"""A process of the tests that does one thing and dies by SIGKILL right after a given step of it.

    dying.py DATABASE STORE METHOD admit|cancel|sweep JSON

The fault is put in from outside: a store's method is wrapped; the service knows nothing of it.
"""

import json
import os
import signal
import sys
from datetime import timedelta
from types import SimpleNamespace

from pymongo import MongoClient

from registration.admissions import Admissions
from registration.domain.applications import Affiliation, OrganizationChoice, Person, RegistrationForm
from registration.domain.categories import CancelledBy, Channel, Gender, Language, StakeholderCategory
from registration.settlement import Settlement, Sweeper
from registration.store.drafting import Draft
from registration.store.ledger import Ledgers
from registration.store.registrations import Registrations
from vetika_kit.clock import SystemClock


def main(name, store, method, action, detail):
    """Do it, and die on the way."""
    client = MongoClient(os.environ["DYING_MONGODB_URI"], tz_aware=True, w="majority", journal=True)
    database, clock = client[name], SystemClock()
    stores = SimpleNamespace(ledgers=Ledgers(database), registrations=Registrations(database, clock=clock))
    target = getattr(stores, store)
    whole = getattr(target, method)

    def dies(*args, **kwargs):
        whole(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(target, method, dies)
    settlement = Settlement(ledgers=stores.ledgers, registrations=stores.registrations, clock=clock)
    match action:
        case "admit":
            form = RegistrationForm(
                person=Person(
                    family_name="Chea",
                    given_name="Sophea",
                    gender=Gender.FEMALE,
                    email=detail["email"],
                    language=Language.KHMER,
                    channels=(Channel.EMAIL,),
                ),
                organization=OrganizationChoice(),
                stakeholder_category=StakeholderCategory.CBO,
            )
            draft = Draft(
                registration_id=detail["id"],
                forum_id=detail["forum_id"],
                form=form,
                affiliation=Affiliation(),
            )
            Admissions(
                ledgers=stores.ledgers,
                registrations=stores.registrations,
                settlement=settlement,
                secret=b"s",
                clock=clock,
            ).admit(draft)
        case "cancel":
            registration = stores.registrations.get(detail["id"])
            settlement.cancel(registration, by=CancelledBy.PARTICIPANT)
        case "sweep":
            Sweeper(
                ledgers=stores.ledgers,
                registrations=stores.registrations,
                settlement=settlement,
                clock=clock,
                limit=timedelta(0),
            ).sweep()


if __name__ == "__main__":
    *words, text = sys.argv[1:]
    main(*words, json.loads(text))
