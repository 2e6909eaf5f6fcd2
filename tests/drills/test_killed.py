"""A restore is killed in its middle: what it leaves is nobody's to use, and the same again completes it."""

import pytest

from drills.states import differences

DIES = """
import os, signal
from vetika_kit.backup import restore, upkeep

def half(self, names):
    self._database[upkeep.STAGED + names[0]].rename(names[0], dropTarget=True)
    os.kill(os.getpid(), signal.SIGKILL)

restore.Restore._put_in_place = half

from recommendations.service import SERVICE
raise SystemExit(SERVICE.main())
"""


@pytest.mark.slow
def test_a_restore_that_is_killed_is_completed_by_the_next(drill, scene):
    """Meanwhile the service's processes wait, and say for what; a backup is refused."""
    scene.office.secretariat.post(
        "recommendations",
        "/v1/recommendations",
        {"title": {"en": "Kept"}, "text": {"en": "Kept."}, "addressed_to": "NCDD"},
    )
    backup = drill.backup("recommendations")
    drill.stop("recommendations")
    before = drill.state("recommendations")
    mortal = drill.folder / "dies.py"
    mortal.write_text(DIES)
    restore = ("restore", str(backup), "--replace")
    dying = drill.begin("recommendations", *restore, through=mortal)
    dying.communicate(timeout=60)
    assert dying.returncode == -9
    refused = drill.work("recommendations", "backup", "--to", str(drill.folder / "no"), succeeds=False)
    assert "restore of this database is not complete" in refused
    relay = drill.begin("recommendations", "relay")
    try:
        assert b"a restore of the database is not complete" in relay.stdout.readline()
        # It is connected, and so keeps even the next restore out: it must be stopped first.
        refused = drill.work("recommendations", *restore, succeeds=False)
        assert "stop its api" in refused
    finally:
        relay.kill()
        relay.communicate()
    drill.work("recommendations", "restore", str(backup))
    found = differences(before, drill.state("recommendations"))
    assert not found, "\n".join(found)
    drill.start("recommendations")


def test_what_runs_is_not_restored_over(drill):
    """Its processes are seen by their connections, wherever they run."""
    backup = drill.backup("meetings")
    refused = drill.work("meetings", "restore", str(backup), "--replace", succeeds=False)
    assert "processes of it are connected" in refused
