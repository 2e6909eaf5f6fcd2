"""Yesterday's backup is restored: what a store knew is what it knows again, and nobody is told twice."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyrage
import pytest

from drills.desk import ALL, Drill
from drills.play import Play
from drills.states import differences, told

SLOWLY = [
    "registration",
    *(pytest.param(service, marks=pytest.mark.slow) for service in ALL if service != "registration"),
]


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
    eventually(drill.is_journalled, seconds=20)
    drill.destroy(service)
    # Without the topics, on which others go on to tell: the journal alone has it all.
    lost.restore(service, "--journal", str(drill.folder / "journal"), "--without-stream")
    after = drill.state(service)
    drill.start(service)
    found = differences(before, after)
    assert not found, "\n".join(found)
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
