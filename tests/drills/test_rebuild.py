"""Copies are made again from the topics: what was done once is not done again."""

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from drills.desk import Drill
from drills.play import Play
from drills.states import differences, told
from vetika_kit.topics import Topics

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def play(drilled, scene, people, quiet, tmp_path_factory):
    """A forum, all of it told."""
    play = Play(scene, people)
    play.before()
    play.under_way()
    play.after()
    quiet(Drill(platform=drilled, folder=tmp_path_factory.mktemp("none")))
    return play


@pytest.mark.parametrize("service", ["notifications", "registration", "meetings", "recommendations"])
def test_without_any_backup_a_service_is_made_again_from_the_topics(drill, play, quiet, service):
    """An empty database and `rebuild --all`: what was told is there; nobody hears twice or comes back."""
    quiet(drill)
    before, messages = drill.state(service), play.messages()
    drill.destroy(service)
    drill.work(service, "indexes")
    drill.work(service, "rebuild", "--all")
    drill.start(service)
    quiet(drill)
    after = drill.state(service)
    found = differences(told(before), told(after))
    assert not found, "\n".join(found)
    assert play.messages() == messages


def test_a_whole_database_loses_nothing_by_being_rebuilt(drill, play, quiet):
    """Own aggregates, seats and lines stay as they are; only copies are read again."""
    quiet(drill)
    drill.stop("registration")
    before, messages = drill.state("registration"), play.messages()
    drill.work("registration", "rebuild", "--all")
    after = drill.state("registration")
    for name in ("registrations", "organizations", "erasures", "admissions"):
        assert differences(before[name], after[name]) == []
    drill.start("registration")
    quiet(drill)
    assert play.messages() == messages


def test_a_worker_that_slept_longer_than_the_log_stops_and_is_rebuilt(drill, play, quiet, eventually):
    """It says so to its supervisor and to operators; after the rebuild it goes on, and nobody hears twice."""
    quiet(drill)
    messages = play.messages()
    platform = drill.platform
    platform.stop("recommendations-worker")
    forum = play.scene.office.forum()
    topic = Topics(coalition=platform.installation.coalition).events("meetings")
    _forget_all(platform.installation.kafka_bootstrap, topic)
    platform.start_unready("recommendations-worker")
    operator = platform.caller("operator")
    shown = eventually(
        lambda: (
            found
            if (found := operator.get("recommendations", "/admin/consumers"))["state"] == "halted"
            else None
        ),
        seconds=30,
    )
    assert "no longer holds" in shown["reason"]
    assert shown["remedy"] == "./vetika rebuild recommendations"
    drill.stop("recommendations")
    said = drill.work("recommendations", "rebuild")
    assert "events are in nobody's log any more" in said
    drill.start("recommendations")
    later = play.scene.office.forum()
    quiet(drill)
    copies = drill.state("recommendations")["forums"]
    assert later["id"] in copies
    assert forum["id"] not in copies  # nobody has it any more; the operator was told how much is missing
    assert play.messages() == messages


def _forget_all(bootstrap, topic):
    """Let a topic begin where it ends, as retention does in the long run."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    admin.delete_records(consumer.end_offsets(partitions))
    consumer.close()
    admin.close()
