"""Yesterday's backup is restored: what a store knew is what it knows again, and nobody is told twice."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyrage
import pytest

from drills.desk import ALL, Drill
from drills.play import Play

# What is not told to anybody, and so is not the same after a restore without a journal.
NOT_TOLD = {
    "registrations": {
        *("ticket", "answered", "registered_at", "updated_at", "promoted_at", "cancelled_at", "erased_at"),
        *("cancelled_by_attempt", "version", "outbox", "person.dietary", "person.accessibility"),
        *("organization.name", "organization.key"),
    },
    "organizations": {
        *("contact", "applied_at", "admitted_at", "updated_at", "version", "outbox"),
    },
    "erasures": {"version", "outbox", "erased_at", "quiet_since", "repeated_at", "open"},
    "admissions": {"holds", "waitlist.ticket", "waitlist.organization", "taken_by_organization"},
    "deliveries": {
        *("created_at", "sent_at", "delivered_at", "failed_at", "provider_id", "sms_parts", "version"),
        *("outbox", "traceparent", "attempts_before", "resends", "lease"),
    },
    "recommendations": {"text", "addressed_to", "stakeholder_category", "drafted_at", "outbox"},
    "forums": {"outbox"},
    "contacts": {"awaited", "version", "erased_at"},
}
SLOWLY = [
    "registration",
    *(pytest.param(service, marks=pytest.mark.slow) for service in ALL if service != "registration"),
]
NOT_STATE = {
    "inbox",
    "positions",
    "idempotency_keys",
    "consumer_state",
    "consumer_topics",
    "dead_letters",
    "audit",
}


def told(state):
    """What of a state is told to somebody, in the collections that are state and no bookkeeping."""
    return {
        name: {id_: _told(document, NOT_TOLD.get(name, set())) for id_, document in documents.items()}
        for name, documents in state.items()
        if name not in NOT_STATE and documents
    }


def _told(value, leave, path=""):
    if isinstance(value, dict):
        return {
            key: _told(part, leave, f"{path}{key}.")
            for key, part in value.items()
            if f"{path}{key}" not in leave
        }
    if isinstance(value, list):
        return [_told(part, leave, path) for part in value]
    return value


def differences(before, after, path=""):
    """Where two states differ, a line each."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key in sorted({*before, *after})
            for line in differences(before.get(key), after.get(key), f"{path}/{key}")
        ]
    return [] if before == after else [f"{path}: {before!r} → {after!r}"]


@pytest.fixture(scope="module")
def lost(drilled, scene, people, quiet, tmp_path_factory):
    """A play, backed up in its middle, with a journal that began before: all encrypted but one."""
    drill = Drill(platform=drilled, folder=tmp_path_factory.mktemp("backups"))
    identity = pyrage.x25519.Identity.generate()
    (drill.folder / "key.txt").write_text(f"# the coalition's\n{identity}\n")
    sealed = ("--recipient", str(identity.to_public()))
    journals = {
        service: drill.begin(service, "journal", "--to", str(drill.folder / "journal"), *sealed)
        for service in ALL
    }
    play = Play(scene, people)
    play.before()
    quiet(drill)
    # One event is under way when the backup is made: it will be on the topic and in the backup.
    drilled.stop("registration-relay")
    play.under_way()
    backups = {service: drill.backup(service, *(sealed if service != "meetings" else ())) for service in ALL}
    drilled.start("registration-relay")
    play.after()
    quiet(drill)
    yield Lost(drill=drill, play=play, backups=backups)
    for journal in journals.values():
        journal.kill()
        journal.communicate()


@dataclass(frozen=True, kw_only=True)
class Lost:
    """What is there to be lost, and its backups of before."""

    drill: Drill
    play: Play
    backups: dict[str, Path]

    def restore(self, service, *arguments, succeeds=True):
        """Restore a service's backup."""
        given = (str(self.backups[service]), "--identity", str(self.drill.folder / "key.txt"))
        return self.drill.work(service, "restore", *given, *arguments, succeeds=succeeds)


@pytest.mark.parametrize("service", SLOWLY)
def test_with_its_journal_a_lost_store_is_what_it_was(lost, service, quiet, eventually):
    """Every document of every collection, own changes over HTTP included; nobody hears twice."""
    drill = lost.drill
    drill.stop(service)
    before, messages = drill.state(service), lost.play.messages()
    eventually(lambda: _journalled(drill, service), seconds=20)
    drill.destroy(service)
    lost.restore(service, "--journal", str(drill.folder / "journal"))
    found = differences(before, drill.state(service))
    assert not found, "\n".join(found)
    drill.start(service)
    quiet(drill)
    assert lost.play.messages() == messages


@pytest.mark.parametrize("service", SLOWLY)
def test_without_a_journal_a_lost_store_comes_back_from_the_topics(lost, service, quiet):
    """All that was told is there again; the seats are exact, the erased stay so, and nobody hears twice."""
    drill = lost.drill
    quiet(drill)
    before, messages = drill.state(service), lost.play.messages()
    drill.destroy(service)
    said = lost.restore(service)
    assert "cannot give back" in said
    drill.start(service)
    quiet(drill)
    found = differences(told(before), told(drill.state(service)))
    assert not found, "\n".join(found)
    assert lost.play.messages() == messages


def test_what_was_under_way_at_the_backup_is_published_again_and_told_once(lost, eventually):
    """The same event, with the same id: readers drop it."""
    receipt = lost.play.receipt_under_way

    def heard():
        return [
            event["id"]
            for event in lost.play.scene.partner.heard(registration_id=receipt["id"])
            if event["type"] == "registration.confirmed.v1" or event["type"] == "registration.waitlisted.v1"
        ]

    ids = eventually(lambda: heard() if len(heard()) > 1 else None)
    assert len(set(ids)) == 1
    assert lost.play.messages()[lost.play.person_under_way["email"]] == 1


def test_not_one_seat_more_is_given_after_a_restore(lost):
    """Where the last seat was taken before the loss, the next one waits."""
    other = lost.play.other
    receipt = lost.play.register(other, lost.play.people.new())
    assert receipt["status"] == "waitlisted"
    numbers = [one["waitlist_number"] for one in lost.play.scene.office.registrations(other["id"])]
    assert Counter(number for number in numbers if number).most_common(1)[0][1] == 1


def _journalled(drill, service):
    """Whether a journal has nothing to write any more."""
    files = sorted((drill.folder / "journal").glob(f"*-{service}-*"))
    size = sum(file.stat().st_size for file in files)
    time.sleep(1)
    return size == sum(file.stat().st_size for file in files)
