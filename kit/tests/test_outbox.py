"""The outbox inside the document."""

import pytest
from marshmallow import ValidationError
from pymongo.errors import DuplicateKeyError

from vetika_kit.outbox import StaleVersionError


def test_an_aggregate_and_its_events_are_one_document(people, greeting, sample):
    """What a write caused lies in the written document, numbered and marked as waiting."""
    event = greeting.event(subject="a", name="Sokha", times=1)
    stored = people.insert({"_id": "a", "name": "Sokha"}, event)
    assert stored == {"_id": "a", "name": "Sokha", "version": 1}
    raw = sample.database["people"].find_one({"_id": "a"})
    assert [waiting["id"] for waiting in raw["outbox"]["events"]] == [event.id]
    assert raw["outbox"]["seq"] == 1
    assert raw["outbox"]["since"] <= sample.clock.now()


def test_an_update_numbers_its_events_after_those_before(people, greeting, sample):
    """Sequence numbers go on over updates, whether or not the reader still had the outbox at hand."""
    seen = people.insert({"_id": "a"}, greeting.event(subject="a", name="x", times=1))
    seen = people.update(seen, {"$set": {"n": 1}}, greeting.event(subject="a", name="x", times=2))
    people.update(seen, {}, greeting.event(subject="a", name="x", times=3))
    raw = sample.database["people"].find_one({"_id": "a"})
    assert [waiting["seq"] for waiting in raw["outbox"]["events"]] == [1, 2, 3]
    assert (raw["version"], raw["n"], raw["outbox"]["seq"]) == (3, 1, 3)


def test_a_change_decided_on_an_old_version_is_refused_whole(people, greeting, sample):
    """Neither the change nor its event gets in when somebody else was faster."""
    seen = people.insert({"_id": "a"})
    people.update(seen, {"$set": {"n": 1}})
    with pytest.raises(StaleVersionError):
        people.update(seen, {"$set": {"n": 2}}, greeting.event(subject="a", name="x", times=1))
    raw = sample.database["people"].find_one({"_id": "a"})
    assert (raw["n"], raw["outbox"]["events"]) == (1, [])


def test_many_inserts_tell_which_were_refused(people, greeting):
    """A duplicate among many is named by its place, and the others are in."""
    people.insert({"_id": "b"})
    event = greeting.event(subject="a", name="x", times=1)
    assert people.insert_many([({"_id": "a"}, [event]), ({"_id": "b"}, []), ({"_id": "c"}, [])]) == [1]
    assert people.get("c") == {"_id": "c", "version": 1}


def test_a_second_insert_of_an_id_is_refused(people):
    """An id is given once."""
    people.insert({"_id": "a"})
    with pytest.raises(DuplicateKeyError):
        people.insert({"_id": "a"})


def test_a_repeated_insert_meets_the_first(people, greeting):
    """The document of before is returned as it is, and causes nothing more."""
    made = people.insert_or_get({"_id": "a", "n": 1}, greeting.event(subject="a", name="x", times=1))
    again = people.insert_or_get({"_id": "a", "n": 2}, greeting.event(subject="a", name="x", times=2))
    assert again == made == {"_id": "a", "n": 1, "version": 1}
    assert len(people.collection.find_one({"_id": "a"})["outbox"]["events"]) == 1


def test_an_insert_that_another_index_refuses_is_no_repetition(people):
    """Only the id tells that a document is the same."""
    people.collection.create_index("name", unique=True, sparse=True)
    people.insert_or_get({"_id": "a", "name": "x"})
    with pytest.raises(DuplicateKeyError):
        people.insert_or_get({"_id": "b", "name": "x"})


@pytest.mark.parametrize(
    "data", [{"name": "x"}, {"name": "x", "times": "many"}, {"name": "x", "times": 1, "e": 2}]
)
def test_an_event_that_breaks_its_contract_cannot_be_made(greeting, data):
    """A missing, wrong or surplus field is refused before anything is written."""
    with pytest.raises((ValidationError, ValueError)):
        greeting.event(subject="a", **data)
