"""A ledger counted anew from the registrations, when these came back without it."""

from typing import Any, Final

from pymongo import ASCENDING
from pymongo.database import Database

from registration.domain.categories import ACTIVE, RegistrationStatus
from registration.store.holds import HoldKind
from registration.store.ledger import COLLECTION as LEDGERS
from registration.store.registrations import COLLECTION as REGISTRATIONS

Document = dict[str, Any]

_FACE: Final = ("status", "ticket", "stakeholder_category", "organization.key", "waitlist_number")


def recount(database: "Database[Document]", forum_id: str) -> None:
    """Let a forum's ledger say what its registrations say.

    No process of the service runs. Of what was under way at the backup only cancellations stay: their
    registrations are still active, and whoever cancelled was promised. An admission whose registration did
    not come back never will.
    """
    seats: Document = {"taken": 0, "taken_by_category": {}, "taken_by_organization": {}}
    waitlist: list[Document] = []
    active: set[str] = set()
    found = database[REGISTRATIONS].find(
        {"forum_id": forum_id, "status": {"$in": [str(status) for status in ACTIVE]}},
        dict.fromkeys(_FACE, True),
    )
    for one in found.sort("waitlist_number", ASCENDING):
        category, organization = one["stakeholder_category"], one["organization"]["key"]
        active.add(one["ticket"])
        if one["status"] == RegistrationStatus.WAITLISTED:
            waitlist.append(
                {
                    "ticket": one["ticket"],
                    "id": one["_id"],
                    "number": one["waitlist_number"],
                    "category": category,
                    "organization": organization,
                }
            )
            continue
        seats["taken"] += 1
        _count(seats["taken_by_category"], category)
        if organization is not None:
            _count(seats["taken_by_organization"], organization)
    before = database[LEDGERS].find_one({"_id": forum_id}) or {}
    holds = [
        hold
        for hold in before.get("holds", ())
        if hold["kind"] == HoldKind.CANCELLATION and hold["ticket"] in active
    ]
    last = database[REGISTRATIONS].find_one(
        {"forum_id": forum_id, "waitlist_number": {"$ne": None}}, sort=[("waitlist_number", -1)]
    )
    after_last = 1 + (last["waitlist_number"] if last else 0)
    next_number = max(before.get("next_number", 1), after_last)
    counted = {**seats, "waitlist": waitlist, "holds": holds, "next_number": next_number}
    database[LEDGERS].update_one({"_id": forum_id}, {"$set": counted}, upsert=True)


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
