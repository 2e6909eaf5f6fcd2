"""Events that nobody should have published, on the real topics, among those of real people."""

import json

import pytest
from kafka import KafkaProducer

from vetika_kit.ids import new_id


@pytest.fixture
def publish(platform):
    """`publish(record, value, headers)`: put something on the partition of a record that was heard."""
    producer = KafkaProducer(bootstrap_servers=platform.installation.kafka_bootstrap, acks="all")

    def put(record, value, headers):
        sent = producer.send(
            record.topic, key=record.key, value=value, headers=headers, partition=record.partition
        ).get(timeout=10)
        return f"{sent.topic}:{sent.partition}:{sent.offset}"

    yield put
    producer.close()


def _record(partner, **wanted):
    """The record of the one event that was heard with these attributes."""
    (event,) = partner.heard(**wanted) or [None]
    if event is None:
        return None
    (record,) = [
        record for record in partner.records if json.dumps(event["id"]).encode() in (record.value or b"")
    ]
    return record


def _changed(record, *, type_=None, without=None, **more):
    """The event of a record as another one: value and headers."""
    event = json.loads(record.value) | {"id": new_id()}
    if type_:
        event["type"] = type_
    event["data"] = {name: value for name, value in event["data"].items() if name != without} | more
    told = {"ce_id": event["id"], "ce_type": event["type"]}
    headers = [(name, told[name].encode() if name in told else value) for name, value in record.headers]
    return json.dumps(event).encode(), headers


@pytest.mark.parametrize(
    ("producer", "reader", "kind"),
    [
        ("registration", "notifications", "registration.confirmed"),
        ("meetings", "registration", "forum.announced"),
    ],
)
def test_what_cannot_be_read_is_put_aside_and_what_is_not_meant_is_passed_over(
    producer,
    reader,
    kind,
    platform,
    office,
    people,
    anybody,
    partner,
    mailbox,
    publish,
    eventually,
    caught_up,
):
    """The events behind them on the same partition take effect, and an operator finds what was put aside."""
    forum = office.forum()
    person = people.new()
    receipt = anybody.post("registration", f"/v1/forums/{forum['id']}/registrations", person)
    subject = {"registration": receipt["id"], "meetings": forum["id"]}[producer]
    record = eventually(lambda: _record(partner, subject=subject, type=f"{kind}.v1"))
    eventually(lambda: mailbox.count(person["email"]) == 1, seconds=20)
    version = json.loads(record.value)["data"]["version"]

    dead = {
        publish(record, b"\x00\xff poison", record.headers): "unreadable",
        publish(record, b"\x00\xff poison", []): "unreadable",
        publish(record, record.value[: len(record.value) // 2], record.headers): "unreadable",
        publish(record, None, record.headers): "unreadable",
        publish(record, *_changed(record, without="forum_id")): "breaks_contract",
        publish(record, *_changed(record, version="the newest")): "breaks_contract",
    }
    publish(record, *_changed(record, type_=f"{kind}.v2", version=version + 900))
    publish(record, *_changed(record, type_=f"{kind.partition('.')[0]}.teleported.v1"))
    publish(record, *_changed(record, what_the_future_brings=[{"and": "more"}]))

    office.secretariat.post("registration", f"/v1/registrations/{receipt['id']}/cancellation")
    office.secretariat.post("meetings", f"/v1/forums/{forum['id']}/registration-closing")
    eventually(lambda: office.status(forum["id"]) == "closed", seconds=20)
    # The one with unknown fields was understood, and told as the event that it is.
    told = 3 if producer == "registration" else 2
    eventually(lambda: mailbox.count(person["email"]) == told, seconds=20)
    eventually(lambda: caught_up(platform, reader), seconds=20)

    operator = platform.caller("operator")
    letters = operator.get(reader, "/admin/dead-letters", params={"state": "dead", "limit": 200})["items"]
    assert {one["id"]: one["reason"] for one in letters if one["id"] in dead} == dead
    assert operator.get(reader, "/admin/consumers")["state"] == "running"
    path = f"/admin/dead-letters/{next(iter(dead))}"
    assert person["email"] not in json.dumps(operator.get(reader, path))
    operator.post(reader, f"{path}/replay")
    eventually(lambda: operator.get(reader, path)["attempts"] == 2, seconds=20)
    for letter in dead:
        operator.post(reader, f"/admin/dead-letters/{letter}/discard")
    left = operator.get(reader, "/admin/dead-letters", params={"state": "dead", "limit": 200})["items"]
    assert not {one["id"] for one in left} & set(dead)
