"""A person asks to be forgotten."""

from bson import BSON
from kafka import KafkaConsumer, TopicPartition
from pymongo import MongoClient


def test_nothing_of_an_erased_person_is_left_but_what_is_counted(
    platform, topics, office, people, register, mailbox, phone, eventually, open_link
):
    """A tombstone ends the contact, no database knows the person, no message follows, and statistics stay."""
    forum = office.forum(seats=1)
    person = people.new(channels=["email", "sms"], dietary="no shrimps at all")
    receipt = register(forum, person)
    waiting = people.new()
    register(forum, waiting)
    (mail,) = eventually(lambda: mailbox.mails(person["email"]), seconds=20)
    eventually(lambda: phone.messages(person["phone"]), seconds=20)
    (shown,) = [one for one in office.registrations(forum["id"]) if one["id"] == receipt["id"]]
    before = office.statistics(forum["id"])

    erased = office.secretariat.request("DELETE", "registration", f"/v1/people/{shown['person_id']}")
    assert erased.status_code == 204
    assert office.statistics(forum["id"]) == before
    eventually(lambda: _last_contact(platform, topics, shown["person_id"]) == (True, None))
    eventually(lambda: not _left_of(platform, person))

    # The seat is given back by the secretariat: whoever had it is not written to.
    office.secretariat.post("registration", f"/v1/registrations/{receipt['id']}/cancellation")
    eventually(lambda: mailbox.count(waiting["email"]) == 2, seconds=20)
    about = {"registration_id": receipt["id"]}
    deliveries = eventually(lambda: _three(office, about))
    assert {delivery["address"] for delivery in deliveries} == {None}
    assert {delivery["state"] for delivery in deliveries[1:]} <= {"sent", "delivered"}
    assert deliveries[0]["state"] not in ("queued", "sending", "sent", "delivered")
    assert mailbox.count(person["email"]) == 1
    page = open_link(mail.text)
    assert person["family_name"] not in page.html
    assert not _left_of(platform, person)


def _three(office, about):
    """The two that were told before the erasure, and behind them what nobody can be told any more."""
    found = office.secretariat.get("notifications", "/v1/deliveries", params=about)["items"]
    return found if len(found) == 3 else None


def _last_contact(platform, topics, person_id):
    """Whether there is a record of the person, and the value of the last: what compaction keeps."""
    consumer = KafkaConsumer(bootstrap_servers=platform.installation.kafka_bootstrap)
    partitions = [
        TopicPartition(topics.contacts(), number)
        for number in consumer.partitions_for_topic(topics.contacts())
    ]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    found, last = False, None
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                if record.key == person_id.encode():
                    found, last = True, record.value
    consumer.close()
    return found, last


def _left_of(platform, person):
    """Where in any database something of the person can still be read."""
    marks = [person[name].encode() for name in ("family_name", "given_name", "name_km", "email", "phone")]
    marks.append(person["dietary"].encode())
    left = []
    with MongoClient(platform.installation.mongodb_uri) as client:
        for name in client.list_database_names():
            if not name.startswith(f"{platform.installation.coalition}_"):
                continue
            for collection in client[name].list_collection_names():
                left += [
                    (name, collection)
                    for document in client[name][collection].find()
                    if any(mark in BSON.encode(document) for mark in marks)
                ]
    return left
