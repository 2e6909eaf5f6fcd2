"""Passwords, certificates and hosts change while people work, and no event is lost.

Recommendations stands for every service: it reads meetings' events and publishes its own. Its processes run
as in a container, with what lies in its organization's folder.
"""

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from kafka.errors import KafkaError
from pymongo import MongoClient

from recommendations.service import SERVICE
from vetika_cli.hosting.rendering import Renewal, Step
from vetika_kit import kafka_clients
from vetika_kit.clock import SystemClock
from vetika_kit.http.principals import Role
from vetika_kit.outboxes import oldest_waiting
from vetika_kit.testing import ServiceUnderTest

pytestmark = [
    pytest.mark.slow,
    # kafka-python forgets the sockets of connections that were refused.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


class Running:
    """Recommendations at its present host."""

    def __init__(self, hosted, service, numbers):
        """Stand on the service's database and on what lies in its host's folder."""
        self._hosted, self._service, self._numbers = hosted, service, numbers
        self._writer = service.client(Role.ORGANIZATION, organization_id="o-1")

    def draft(self, *, forum, times=5):
        """Draft recommendations as a member does; returns their ids."""
        body = {
            "text": {"en": "Ten per cent."},
            "forum_id": forum,
            "stakeholder_category": "cbo",
            "addressed_to": "Ministry of Interior",
        }
        made = []
        for _ in range(times):
            answer = self._writer.post(
                "/v1/recommendations", json={**body, "title": {"en": f"No. {next(self._numbers)}"}}
            )
            assert answer.status_code == 201, answer.json
            made.append(answer.json["id"])
        return made

    def hear_of_forums(self, times=5):
        """Let meetings tell of forums; returns their ids."""
        ids = [f"f-{next(self._numbers)}" for _ in range(times)]
        for id_ in ids:
            facts = {
                "forum_id": id_,
                "version": 2,
                "date": "2027-03-10",
                "capacity": 200,
                "theme": {"en": id_},
            }
            self._service.hear(
                "forum.announced.v1",
                {**facts, "status": "announced"},
                service="meetings",
                subject=id_,
                version=2,
            )
        return ids

    @property
    def published(self):
        """The subjects of everything that it has told so far, in their order."""
        return [event["subject"] for event in self._service.published()]

    @property
    def known_forums(self):
        """The forums that it has learned of."""
        return {forum["_id"] for forum in self._service.database["forums"].find()}

    @property
    def drained(self):
        """Whether nothing waits in its outbox."""
        return oldest_waiting(self._service.database, SERVICE.outboxes, clock=SystemClock()) is None


@pytest.fixture(scope="module")
def numbers():
    """Numbers that nobody had yet."""
    return count(1)


@pytest.fixture
def running(hosted, mongodb_uri, tmp_path, numbers):
    """Relay and worker run as long as a block does, as the present host starts them."""

    @contextmanager
    def running(*kinds):
        service = ServiceUnderTest(
            SERVICE,
            coalition=hosted.topics.coalition,
            mongodb_uri=mongodb_uri,
            kafka_bootstrap=hosted.server.bootstrap,
            folder=tmp_path,
            environ=hosted.environ(hosted.user("recommendations")),
        )
        try:
            with service.running(*(kinds or ("relay", "worker"))):
                yield Running(hosted, service, numbers)
        finally:
            service.close()

    return running


@pytest.fixture
def with_a_forum(running, eventually):
    """A forum that recommendations knows."""
    with running() as it:
        (forum,) = it.hear_of_forums(1)
        eventually(lambda: forum in it.known_forums, seconds=30)
    return forum


def test_a_password_changes_and_every_event_comes(hosted, running, with_a_forum, eventually):
    """What is under way lives on; who comes with the old password waits, and goes on with the new one."""
    user = hosted.user("recommendations")
    with running() as it:
        made = it.draft(forum=with_a_forum)
        hosted.render(renewal=Renewal(users=frozenset([user])))
        assert f"password  user {user}\n" in hosted.apply()
        made += it.draft(forum=with_a_forum)
        forums = it.hear_of_forums()
        eventually(lambda: set(made) <= set(it.published), seconds=30)  # over the connections that were open
        hosted.restart()  # and now every connection is a new one
        made += it.draft(forum=with_a_forum)
        forums += it.hear_of_forums()
        assert not set(made) <= set(it.published)
    with running() as it:  # started anew, with what lies in the folder now
        made += it.draft(forum=with_a_forum)
        eventually(lambda: set(made) <= set(it.published), seconds=60)
        eventually(lambda: set(forums) <= it.known_forums, seconds=60)
        eventually(lambda: it.drained)
        told = [one for one in it.published if one in made]
        assert sorted(set(told)) == sorted(made)


def test_who_is_connected_signs_in_again_in_time_and_not_with_an_old_password(
    hosted, running, with_a_forum, eventually
):
    """Sessions end, here after four seconds, and nothing is lost; no old password outlives one."""
    session = timedelta(seconds=4)
    user = hosted.user("recommendations")
    hosted.restart(session=session)
    with running() as it:
        made = []
        begun = time.monotonic()
        while time.monotonic() < begun + 3 * session.total_seconds():
            assert _leaves(it, made, with_a_forum, seconds=15)
        forums = it.hear_of_forums()
        eventually(lambda: set(forums) <= it.known_forums, seconds=15)
        hosted.render(renewal=Renewal(users=frozenset([user])))
        hosted.apply()
        eventually(lambda: not _leaves(it, made, with_a_forum, seconds=2), seconds=60)
    hosted.restart()
    with running() as it:
        eventually(lambda: set(made) <= set(it.published), seconds=60)


def test_certificates_and_their_authority_change_and_every_event_comes(
    hosted, running, with_a_forum, eventually
):
    """At no step does a client meet a certificate that it does not trust, except one that has ended."""
    made = []

    def goes_on(it):
        made.extend(it.draft(forum=with_a_forum))
        eventually(lambda: set(made) <= set(it.published), seconds=60)

    with running() as it:
        goes_on(it)
        hosted.render(renewal=Renewal(certificates=True))
        hosted.restart()
        goes_on(it)  # the same authority: nobody but Kafka had to start anew
        hosted.render(renewal=Renewal(authority=Step.PREPARE))
    with running() as it:  # started anew, and trusting both
        goes_on(it)
        hosted.render(renewal=Renewal(authority=Step.SWITCH))
        hosted.restart()
        goes_on(it)
        hosted.render(renewal=Renewal(authority=Step.RETIRE))
    with running() as it:
        goes_on(it)
        hosted.render(renewal=Renewal(certificates=True), now=datetime.now(UTC) - timedelta(days=398))
        hosted.restart()
        made.extend(it.draft(forum=with_a_forum))
        with pytest.raises(KafkaError):  # its time is over
            kafka_clients.admin(
                hosted.access(hosted.user("recommendations")), client_id="test", bootstrap_seconds=3
            )
        assert not set(made) <= set(it.published)
        hosted.render(renewal=Renewal(certificates=True))
        hosted.restart()
        goes_on(it)


def test_an_organization_takes_a_service_over(hosted, running, with_a_forum, mongodb_uri, eventually):
    """Drain, hand the database over, switch, revoke: nothing is lost or done twice, the former host out."""
    database = f"{hosted.topics.coalition}_recommendations"
    former = hosted.access(hosted.user("recommendations"))
    with running() as it:
        made = it.draft(forum=with_a_forum)
        forums = it.hear_of_forums()
        eventually(lambda: set(forums) <= it.known_forums, seconds=30)
        eventually(lambda: it.drained, seconds=30)  # drained; and now the former host stops
    handed_over = _dump(mongodb_uri, database)
    forums_meanwhile = []

    hosted.document["organizations"][1]["services"].remove("recommendations")
    hosted.document["organizations"][0]["services"].append("recommendations")
    hosted.render()
    printed = hosted.apply()
    assert f"removed   user {former.kafka_username}\n" in printed
    assert f"made      user {hosted.user('recommendations')}\n" in printed
    with pytest.raises(KafkaError):
        kafka_clients.admin(former, client_id="test", bootstrap_seconds=3)

    _restore(mongodb_uri, database, handed_over)
    with running() as it:
        forums_meanwhile += it.hear_of_forums()
        made += it.draft(forum=forums[0])
        eventually(lambda: set(forums + forums_meanwhile) <= it.known_forums, seconds=60)
        eventually(lambda: set(made) <= set(it.published), seconds=60)
        assert len([one for one in it.published if one in made]) == len(made)  # none of them again


def _leaves(it, made, forum, *, seconds):
    """Whether what is drafted now is told in time."""
    made += it.draft(forum=forum, times=1)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if set(made) <= set(it.published):
            return True
    return False


def _dump(uri, database):
    with MongoClient(uri) as client:
        dumped = {
            name: list(client[database][name].find()) for name in client[database].list_collection_names()
        }
        client.drop_database(database)
    return dumped


def _restore(uri, database, dumped):
    with MongoClient(uri) as client:
        for name, documents in dumped.items():
            if documents:
                client[database][name].insert_many(documents)
