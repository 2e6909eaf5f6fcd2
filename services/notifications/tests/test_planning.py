"""From events to deliveries, in whatever order the topics bring them."""

from itertools import permutations

import pytest
from pymongo.errors import PyMongoError

from notifications.upkeep import give_up_waiting, tell_of_cancellations_again
from vetika_kit.inbox import is_transient


def _made(deliveries):
    return sorted(
        (found["channel"], found["template"], found["person_id"], found["state"])
        for found in deliveries.find()
    )


@pytest.mark.parametrize("order", list(permutations(("contact", "forum", "registration"))))
def test_the_order_of_the_topics_does_not_matter(ear, deliveries, order):
    """Whichever of contact, forum and registration comes last, the same two deliveries are made, once."""
    events = {name: getattr(ear, name)() for name in order}
    for name in order:
        ear.hear(events[name])
    assert _made(deliveries) == [
        ("email", "registration_confirmed", "p-1", "queued"),
        ("sms", "registration_confirmed", "p-1", "queued"),
    ]
    first = {found["_id"] for found in deliveries.find()}
    for name in order:
        ear.hear(events[name])
    assert {found["_id"] for found in deliveries.find()} == first


def test_one_plan_waits_for_a_contact(ear, deliveries):
    """Until the contact is here, one document says that somebody is to be told."""
    ear.hear(ear.forum())
    ear.hear(ear.registration())
    assert _made(deliveries) == [(None, "registration_confirmed", "p-1", "awaiting_contact")]


@pytest.mark.parametrize(
    ("step", "template"),
    [
        ("confirmed", "registration_confirmed"),
        ("waitlisted", "registration_waitlisted"),
        ("promoted", "registration_promoted"),
        ("cancelled", "registration_cancelled"),
    ],
)
def test_each_step_of_a_registration_has_its_message(ear, deliveries, step, template):
    """Confirmed, waitlisted, promoted, cancelled: by the channel that the person chose, and no other."""
    ear.hear(ear.contact(channels=["sms"], language="km"))
    ear.hear(ear.forum())
    ear.hear(ear.registration(step, waitlist_number=7))
    (made,) = deliveries.find()
    assert (made["channel"], made["language"], made["template"]) == ("sms", "km", template)
    assert made["told"]["waitlist_number"] == 7


def test_a_channel_or_language_of_tomorrow_is_no_obstacle(ear, deliveries):
    """What this version does not know is left out; what it knows is used."""
    ear.everything(channels=["telegram", "email"], language="fr")
    (made,) = deliveries.find()
    assert (made["channel"], made["language"]) == ("email", "en")


def test_nobody_is_lost_for_want_of_a_channel(ear, deliveries):
    """Who chose no channel is to be seen as not told."""
    ear.everything(channels=[])
    (made,) = deliveries.find()
    assert (made["state"], made["last_error"]) == ("failed", "no_channel")


def test_a_cancelled_forum_is_told_to_everybody_on_the_roster(ear, deliveries):
    """One delivery per channel and person who has a seat or waits for one; not to who cancelled."""
    for number, last in enumerate(("confirmed", "waitlisted", "cancelled"), start=1):
        ear.hear(ear.contact(f"p-{number}", channels=["email"]))
        ear.hear(ear.registration(last, registration_id=f"r-{number}", person_id=f"p-{number}"))
    ear.hear(ear.forum())
    ear.hear(ear.forum("forum.cancelled.v1", version=2, status="cancelled", reason={"en": "Flood."}))
    told = list(deliveries.find({"template": "forum_cancelled"}))
    assert sorted(found["person_id"] for found in told) == ["p-1", "p-2"]
    assert {found["told"]["reason"]["en"] for found in told} == {"Flood."}


def test_who_registered_while_the_forum_was_cancelled_is_told_too(ear, deliveries):
    """The registration may be heard of after the cancellation; and nobody is told twice."""
    ear.hear(ear.contact(channels=["email"]))
    ear.hear(ear.forum())
    ear.hear(ear.forum("forum.cancelled.v1", version=2, status="cancelled", reason=None))
    ear.hear(ear.registration())
    assert deliveries.count_documents({"template": "forum_cancelled"}) == 1
    ear.hear(ear.registration("promoted", version=2))
    assert deliveries.count_documents({"template": "forum_cancelled"}) == 1


def test_two_workers_that_did_not_see_each_other_are_made_up_for(ear, service, deliveries):
    """A registration stored beside the cancellation, not before or after it, is found by the next look."""
    ear.hear(ear.contact(channels=["email"]))
    ear.hear(ear.forum())
    cancelled = ear.forum("forum.cancelled.v1", version=2, status="cancelled", reason=None)
    registered = ear.registration()
    with ear.unit() as one, ear.unit() as other:
        ear.handle(registered, one)
        ear.handle(cancelled, other)
    assert deliveries.count_documents({"template": "forum_cancelled"}) == 0
    tell_of_cancellations_again(service.database, service.clock)
    tell_of_cancellations_again(service.database, service.clock)
    assert deliveries.count_documents({"template": "forum_cancelled"}) == 1


@pytest.mark.parametrize("missing", ["contact", "forum"])
def test_a_plan_and_what_it_waits_for_do_not_miss_each_other(ear, deliveries, missing):
    """Two workers, one with the registration, one with the contact or the forum: one of them begins again."""
    other = {"contact": ear.forum, "forum": ear.contact}[missing]()
    ear.hear(other)
    registered, came = ear.registration(), getattr(ear, missing)()

    def at_once():
        with ear.unit() as one, ear.unit() as two:
            ear.handle(registered, one)
            one.flush()
            ear.handle(came, two)
            two.flush()

    with pytest.raises(PyMongoError) as conflict:
        at_once()
    assert is_transient(conflict.value)
    ear.hear(registered)
    ear.hear(came)
    assert len(_made(deliveries)) == 2


def test_an_erased_person_is_told_nothing_more(ear, deliveries, service):
    """What waits becomes failed, the contact is gone, and the events about it carry no address."""
    ear.everything()
    ear.hear(ear.erasure(version=2))
    assert {(found["state"], found["last_error"]) for found in deliveries.find()} == {("failed", "erased")}
    (kept,) = service.database["contacts"].find()
    assert set(kept) == {"_id", "version", "erased_at"}
    events = [event for found in deliveries.find() for event in found["outbox"]["events"]]
    assert [event["type"] for event in events] == ["delivery.failed.v1"] * 2
    assert not any("cambodia.example" in str(event) or "+855" in str(event) for event in events)


def test_a_plan_for_an_erased_person_ends(ear, deliveries):
    """A registration that is heard of after the erasure, but was made before, waits for nobody."""
    registered = ear.registration()
    ear.hear(ear.forum())
    ear.hear(ear.contact())
    ear.hear(ear.erasure(version=2))
    ear.hear(registered)
    (made,) = deliveries.find()
    assert (made["state"], made["last_error"]) == ("failed", "erased")


def test_an_older_erasure_does_not_erase_a_newer_contact(ear, deliveries, service):
    """Who came back after an erasure stays, though the erasure is told again."""
    ear.hear(ear.erasure(version=2))
    ear.everything(version=3)
    ear.hear(ear.erasure(version=2))
    assert deliveries.count_documents({"state": "queued"}) == 2
    assert service.database["contacts"].find_one()["email"]


def test_an_older_contact_does_not_undo_an_erasure(ear, service):
    """A contact that a slow relay sends after the erasure brings nobody back."""
    ear.hear(ear.erasure(version=2))
    ear.hear(ear.contact(version=1))
    assert "email" not in service.database["contacts"].find_one()


def test_who_registers_anew_after_an_erasure_waits_for_the_new_contact(ear, clock, deliveries):
    """The registration may overtake the contact; the old erasure does not end it."""
    ear.hear(ear.forum())
    ear.hear(ear.erasure(version=2))
    clock.advance(minutes=5)
    ear.hear(ear.registration())
    assert deliveries.find_one()["state"] == "awaiting_contact"
    ear.hear(ear.contact(version=3))
    assert {found["state"] for found in deliveries.find()} == {"queued"}


def test_the_newest_contact_counts(ear, service):
    """Versions decide, not the order of arrival."""
    ear.hear(ear.contact(version=5, email="new@cambodia.example"))
    ear.hear(ear.contact(version=4, email="old@cambodia.example"))
    assert service.database["contacts"].find_one()["email"] == "new@cambodia.example"


def test_waiting_has_an_end(ear, clock, service, deliveries):
    """A contact that never comes is not waited for for ever."""
    ear.hear(ear.registration())
    give_up_waiting(service.database, clock)
    assert deliveries.find_one()["state"] == "awaiting_contact"
    clock.advance(days=8)
    give_up_waiting(service.database, clock)
    found = deliveries.find_one()
    assert (found["state"], found["last_error"]) == ("failed", "unknown_person")
