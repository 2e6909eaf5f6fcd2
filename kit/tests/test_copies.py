"""Copies of another service's aggregates, on the real MongoDB."""

import pytest

from vetika_kit.copies import learn
from vetika_kit.inbox import UnitOfWork


@pytest.fixture
def tell(mongo_client, mongo_database, clock):
    """Tell of versions in one unit of work and return the copy."""
    database = mongo_database("copies")

    def tell(id_, *versions):
        with mongo_client.start_session() as session, session.start_transaction():
            work = UnitOfWork(database=database, session=session, clock=clock)
            for version, facts in versions:
                learn(database["copies"], id_, version=version, facts=facts, work=work)
            work.flush()
        return database["copies"].find_one({"_id": id_})

    return tell


def test_the_first_that_is_heard_is_kept(tell):
    """A copy begins with whichever event comes first."""
    assert tell("first", (3, {"name": "VBNK"})) == {"_id": "first", "version": 3, "name": "VBNK"}


def test_the_newest_version_wins(tell):
    """Older and repeated events change nothing, in whatever order they come, even within one batch."""
    tell("newest", (2, {"name": "two"}), (1, {"name": "one"}))
    tell("newest", (2, {"name": "again"}))
    assert tell("newest", (4, {"name": "four"}), (3, {"name": "three"}))["name"] == "four"


def test_what_an_event_does_not_name_is_forgotten(tell):
    """A copy is the newest event's state, not a mixture of several."""
    assert tell("whole", (1, {"name": "VBNK", "acronym": "V"}), (2, {"name": "VBNK"})) == {
        "_id": "whole",
        "version": 2,
        "name": "VBNK",
    }


def test_a_name_with_a_dollar_sign_is_a_name(tell):
    """What is heard is data, never part of the update."""
    assert tell("dollar", (1, {"name": "$version"}))["name"] == "$version"
