"""The machine with the database is gone, and every service comes back on a new one."""

import shutil

import pytest

from drills.conftest import QUICK
from drills.desk import ALL, Drill
from drills.play import Play
from drills.states import differences
from vetika_cli.platform import Platform

pytestmark = pytest.mark.slow


def test_all_services_come_back_on_an_empty_machine(
    tmp_path, kafka_bootstrap, looking_at, people, quiet, eventually
):
    """Mongod is killed while people register, and its disk with it; what was acknowledged is there again."""
    (tmp_path / "platform").mkdir()
    with Platform(tmp_path / "platform", kafka_bootstrap=kafka_bootstrap, environment=QUICK) as platform:
        platform.start()
        drill = Drill(platform=platform, folder=tmp_path)
        with looking_at(platform) as scene:
            play = Play(scene, people)
            journals = {
                service: drill.begin(service, "journal", "--to", str(tmp_path / "journal")) for service in ALL
            }
            eventually(lambda: len(list((tmp_path / "journal").glob("*"))) == len(ALL), seconds=30)
            play.before()
            play.under_way()
            backups = {service: drill.backup(service) for service in ALL}
            play.after()
            quiet(drill)
            crowd = [people.new(channels=["email"]) for _ in range(10)]
            receipts = [play.register(play.forum, person) for person in crowd]
            eventually(drill.is_journalled, seconds=20)
            before = {service: drill.state(service) for service in ALL}
            mongod = platform.server("mongod")
            mongod.kill()
            platform.kill(*(name for name in platform.running if name.split("-")[0] in ALL))
            for journal in journals.values():
                journal.kill()
                journal.communicate()
            shutil.rmtree(mongod.directory / "data")
            mongod.start()
            for service in ALL:
                drill.work(service, "restore", str(backups[service]), "--journal", str(tmp_path / "journal"))
            known = drill.state("registration")["registrations"]
            assert {receipt["id"] for receipt in receipts} <= set(known)
            for service in ("meetings", "registration"):
                found = differences(before[service], drill.state(service))
                assert not found, "\n".join(found)
            platform.start(*(name for name in platform.names if name.split("-")[0] in ALL))
            quiet(drill)
            assert [scene.mailbox.count(person["email"]) for person in crowd] == [1] * len(crowd)
