"""Who may do what: the rendered rights and passwords, the kit's clients, and a Kafka that really refuses."""

import gc
import json
import re
import secrets
import subprocess
import sys
import time
from argparse import Namespace
from datetime import UTC, datetime

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType
from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from vetika_cli.commands.events import events
from vetika_cli.contracts.catalog import catalog_of, installed_services
from vetika_cli.errors import UserError
from vetika_cli.hosting.authority import Authority
from vetika_cli.places import checkout
from vetika_kit import kafka_clients
from vetika_kit.topics import Stream

pytestmark = [
    # kafka-python forgets the sockets of connections that were refused.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]

CATALOG = catalog_of(installed_services(checkout()))
SERVICES = {service.name: service for service in CATALOG.services}
CHANNELS = sorted({(one.service, one.stream) for one in CATALOG.contracts()})
PATIENCE = 3.0  # seconds in which a reader who may read would long have read


@pytest.fixture
def write(hosted):
    """`write(user, topic)`: publish an event, with the idempotent producer of the relays; returns its id."""

    def write(user, topic):
        producer = kafka_clients.producer(hosted.access(user), client_id="test")
        id_ = secrets.token_hex(8)
        event = {"id": id_, "time": "2026-03-02T02:30:00Z", "type": "tried.v1", "subject": "s-1"}
        try:
            producer.send(topic, key=b"s-1", value=json.dumps(event).encode()).get(timeout=20)
        finally:
            producer.close(timeout=1)
        return id_

    return write


@pytest.fixture
def read(hosted):
    """`read(user, topics, group=…, until=…)`: the ids of events that a reader in a group is given."""

    def read(user, topics, *, group, until=None):
        consumer = _consumer(hosted, user, group=group)
        try:
            partitions = [TopicPartition(topic, number) for topic in topics for number in range(6)]
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, 0)
            found, deadline = [], time.monotonic() + (20 if until else PATIENCE)
            while time.monotonic() < deadline and until not in found:
                for records in consumer.poll(timeout_ms=200).values():
                    found.extend(json.loads(record.value)["id"] for record in records)
            if until:
                consumer.commit()
            return found
        finally:
            consumer.close()

    return read


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_writes_its_topics_and_reads_them_and_what_it_handles(hosted, write, read, name):
    """Everything that its code declares works: write, describe, read and commit in its own group."""
    service = SERVICES[name]
    group = hosted.topics.group(name)
    for topic in {hosted.topics.of(name, one.stream) for one in service.publishes}:
        written = write(hosted.user(name), topic)
        assert written in read(hosted.user(name), [topic], group=group, until=written)
    for source, stream in {(one.service, one.stream) for one in service.reads}:
        topic = hosted.topics.of(source, stream)
        written = write(hosted.user(source), topic)
        assert written in read(hosted.user(name), [topic], group=group, until=written)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_cannot_write_another_s_topic(hosted, write, name):
    """Not even one that it reads."""
    for topic in (hosted.topics.of(*channel) for channel in CHANNELS if channel[0] != name):
        with pytest.raises(TopicAuthorizationFailedError):
            write(hosted.user(name), topic)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_cannot_read_what_it_does_not_handle(hosted, write, read, name):
    """Nothing but that and its own topics."""
    handled = {(one.service, one.stream) for one in SERVICES[name].reads}
    for channel in set(CHANNELS) - handled - {one for one in CHANNELS if one[0] == name}:
        topic = hosted.topics.of(*channel)
        write(hosted.user(channel[0]), topic)
        assert _is_given_nothing(
            lambda topic=topic: read(hosted.user(name), [topic], group=hosted.topics.group(name))
        )


def test_a_service_cannot_join_another_s_group(hosted):
    """Else it could move the other's position."""
    with pytest.raises(GroupAuthorizationFailedError):
        _join(hosted, "registration", topic="meetings", group=hosted.topics.group("notifications"))


def test_a_partner_reads_what_it_was_given(hosted, write, read):
    """In a group with its own name in front."""
    topic = hosted.topics.events("registration")
    written = write(hosted.user("registration"), topic)
    assert written in read(hosted.user("university"), [topic], group="university.seats", until=written)


@pytest.mark.parametrize(
    "group", ["policy-observatory.seats", "universitY.seats", "university", "{coalition}.meetings"]
)
def test_a_partner_cannot_join_a_group_that_is_not_its_own(hosted, group):
    """Neither another partner's nor a service's."""
    with pytest.raises(GroupAuthorizationFailedError):
        _join(hosted, "university", topic="meetings", group=group.format(coalition=hosted.topics.coalition))


def test_a_partner_cannot_write(hosted, write):
    """Not to what it reads, nor to contacts; with an idempotent producer or a simple one."""
    for topic in (hosted.topics.events("meetings"), hosted.topics.contacts()):
        with pytest.raises(KafkaError, match="AuthorizationFailedError"):
            write(hosted.user("university"), topic)
        settings = kafka_clients.connection_settings(hosted.access(hosted.user("university")))
        producer = KafkaProducer(**settings, enable_idempotence=False)
        with pytest.raises(TopicAuthorizationFailedError):
            producer.send(topic, b"x").get(timeout=20)
        producer.close(timeout=1)


def test_a_partner_is_given_nothing_of_contacts_and_does_not_see_that_they_are_there(hosted, write, read):
    """Nor of events of a service that it was not given."""
    for channel in (("registration", Stream.CONTACTS), ("notifications", Stream.EVENTS)):
        topic = hosted.topics.of(*channel)
        write(hosted.user(channel[0]), topic)
        assert _is_given_nothing(
            lambda topic=topic: read(hosted.user("university"), [topic], group="university.x")
        )
    consumer = _consumer(hosted, hosted.user("university"), group="university.x")
    try:
        assert consumer.topics() == {hosted.topics.events("registration"), hosted.topics.events("meetings")}
    finally:
        consumer.close()


def test_nobody_but_the_administrator_changes_rights_or_topics(hosted):
    """A service could else give itself what it was not given."""
    admin = kafka_clients.admin(hosted.access(hosted.user("registration")), client_id="test")
    wanted = ACL(
        principal=f"User:{hosted.user('registration')}",
        host="*",
        operation=ACLOperation.ALL,
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(ResourceType.TOPIC, hosted.topics.events("meetings")),
    )
    try:
        assert admin.create_acls([wanted])["failed"] == [ClusterAuthorizationFailedError]
        with pytest.raises(KafkaError):
            admin.delete_topics([hosted.topics.events("registration")])
        assert hosted.topics.events("registration") in admin.list_topics()
    finally:
        admin.close()


@pytest.mark.parametrize("wrong", ["password", "user", "authority", "no-tls"])
def test_who_cannot_show_who_it_is_does_not_get_in(hosted, tmp_path, wrong):
    """A wrong password, a user who is not there, a broker that another authority signed, no TLS at all."""
    foreign = tmp_path / "foreign.pem"
    foreign.write_text(Authority.new(coalition="dfwg", now=datetime.now(UTC)).trusted)
    other = {
        "password": {"kafka_password": "wrong"},
        "user": {"kafka_username": f"{hosted.topics.coalition}.secretariat.nobody"},
        "authority": {"kafka_ca_file": str(foreign)},
        "no-tls": {"kafka_security_protocol": "SASL_PLAINTEXT"},
    }[wrong]
    access = hosted.access(hosted.user("registration"), **other)
    with pytest.raises(KafkaError):
        kafka_clients.admin(access, client_id="test", bootstrap_seconds=PATIENCE)
    gc.collect()  # within the reach of the filter above


def test_applying_again_changes_nothing(hosted):
    """And says so."""
    assert hosted.apply() == "Everybody has the rights of the file; nothing was changed.\n"


def test_what_is_not_in_the_file_is_taken_away(hosted, eventually):
    """A right that somebody gave by hand, and with it a denial."""
    admin = kafka_clients.admin(hosted.access(hosted.coalition.administrator), client_id="test")
    by_hand = [
        ACL(
            principal=f"User:{hosted.user('university')}",
            host=host,
            operation=operation,
            permission_type=permission,
            resource_pattern=ResourcePattern(ResourceType.TOPIC, hosted.topics.contacts()),
        )
        for host, operation, permission in (
            ("*", ACLOperation.READ, ACLPermissionType.ALLOW),
            ("127.0.0.1", ACLOperation.ALL, ACLPermissionType.DENY),
        )
    ]
    of_others = ACL(
        principal="User:another-coalition.a.registration",
        host="*",
        operation=ACLOperation.READ,
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(ResourceType.TOPIC, "another-coalition.meetings.events.v1"),
    )
    try:
        assert admin.create_acls([*by_hand, of_others])["failed"] == []
        printed = hosted.apply()
        assert f"took      {hosted.user('university')}  READ TOPIC {hosted.topics.contacts()}\n" in printed
        assert "(DENY from 127.0.0.1)" in printed
        assert printed.endswith("2 changes.\n")
        (left,), _ = admin.describe_acls(of_others)
        assert left == of_others
    finally:
        admin.delete_acls([of_others])
        admin.close()


def test_the_lines_of_a_partner_s_page_run_as_they_stand(hosted, write):
    """In the folder that it was given, against the cluster."""
    home = hosted.folder / "partners/university"
    (lines,) = re.findall(r"```python\n(.*?)```", (home / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(lines.splitlines()) <= 20 + 2  # the imports
    write(hosted.user("meetings"), hosted.topics.events("meetings"))
    process = _subscriber(home, lines)
    try:
        assert process.stdout.readline().split() == ["2026-03-02T02:30:00Z", "tried.v1", "s-1"]
    finally:
        process.kill()
        process.communicate()


def test_the_lines_of_a_partner_s_page_say_so_when_a_topic_is_not_to_be_read(hosted):
    """Kafka would let them wait for ever."""
    home = hosted.folder / "partners/university"
    (lines,) = re.findall(r"```python\n(.*?)```", (home / "README.md").read_text("utf-8"), re.DOTALL)
    asked = lines.replace(hosted.topics.events("meetings"), hosted.topics.contacts())
    process = _subscriber(home, asked)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert told.strip().endswith(f"{hosted.topics.contacts()}: not there, or you may not read it")


def test_vetika_events_shows_what_its_user_may_read_and_says_what_it_may_not(hosted, write, capfd):
    """With TLS, user and password from the environment."""
    written = write(hosted.user("meetings"), hosted.topics.events("meetings"))
    printed = hosted.run("events", "--from-start", environ=hosted.environ(hosted.user("policy-observatory")))
    assert written in {json.loads(line)["id"] for line in printed.splitlines()}
    told = capfd.readouterr().err
    assert f"{hosted.user('policy-observatory')} may not read them" in told
    assert hosted.topics.events("registration") in told
    assert hosted.topics.events("meetings") not in told


def test_vetika_events_says_that_it_was_not_let_in(hosted, monkeypatch):
    """A wrong password looks to a client as if nobody were there."""
    environ = hosted.environ(hosted.user("university"))
    del environ["VETIKA_KAFKA_PASSWORD_FILE"]
    for name, value in {**environ, "VETIKA_KAFKA_PASSWORD": "wrong"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("vetika_cli.commands.events.BOOTSTRAP_SECONDS", PATIENCE)
    with pytest.raises(UserError, match="does not let us in"):
        events(Namespace(from_start=True, follow=False, last=1))


def _is_given_nothing(act):
    try:
        return act() == []
    except (TopicAuthorizationFailedError, GroupAuthorizationFailedError):
        return True


def _consumer(hosted, user, *, group):
    return kafka_clients.consumer(hosted.access(user), group=group, client_id="test", max_poll_records=500)


def _join(hosted, name, *, topic, group):
    consumer = _consumer(hosted, hosted.user(name), group=group)
    try:
        consumer.subscribe([hosted.topics.events(topic)])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            consumer.poll(timeout_ms=200)
    finally:
        consumer.close()


def _subscriber(home, lines):
    return subprocess.Popen(
        [sys.executable, "-c", lines], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
