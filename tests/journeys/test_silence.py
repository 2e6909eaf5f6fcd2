"""Nothing that is open to others, or kept for operators, tells who anybody is."""

import csv

from kafka import KafkaConsumer, TopicPartition

from vetika_cli.places import checkout

SERVICES = ("registration", "meetings", "notifications", "recommendations")


def test_no_personal_data_leaves_the_places_that_are_made_for_it(
    platform, topics, office, people, anybody, register, mailbox, phone, eventually
):
    """No name, address or number of anybody in any test is in an event, a log, a metric, an operator's page.

    What goes wrong is part of it: refusals, duplicates, dead mailboxes and numbers, an import with bad rows.
    """
    forum = office.forum(seats=1)
    path = f"/v1/forums/{forum['id']}/registrations"
    good = people.new(channels=["email", "sms"])
    register(forum, good)
    bouncing = people.new(email=f"bounce-{people.new()['given_name'].lower()}@people.example")
    register(forum, bouncing)
    silent = people.new(email=None, phone="+85512000021", channels=["sms"])
    register(forum, silent)
    wrong = people.new(gender="nobody's business")
    assert anybody.request("POST", "registration", path, json=wrong).status_code == 422
    assert anybody.request("POST", "registration", path, json=good).status_code == 409
    assert anybody.request("POST", "registration", path, data=str(people.new())).status_code == 415
    listed = people.new(gender="nobody's business")
    rows = ["family_name,given_name,gender,stakeholder_category,language,email"]
    rows += [",".join(one[name] for name in rows[0].split(",")) for one in (listed, good)]
    imported = office.secretariat.request(
        "POST",
        "registration",
        f"/v1/forums/{forum['id']}/imports",
        data="\n".join(rows).encode(),
        headers={"Content-Type": "text/csv"},
    )
    assert imported.json()["refused"] == 2
    found = {"registration": [], "email": good["email"]}
    assert anybody.request("GET", "registration", "/v1/forums", params=found).status_code == 422
    eventually(lambda: mailbox.count(good["email"]) and phone.messages(good["phone"]), seconds=20)
    query = {"forum_id": forum["id"], "state": "failed"}
    eventually(
        lambda: len(office.secretariat.get("notifications", "/v1/deliveries", params=query)["items"]) == 2,
        seconds=20,
    )

    data = {text.encode() for text in people.personal_data}
    rows = csv.DictReader((checkout() / "data" / "participants.csv").read_text(encoding="utf-8").splitlines())
    data |= {row["email"].encode() for row in rows if row["email"]}
    data |= {text.encode().removeprefix(b"+") for text in people.personal_data}
    assert len(data) > 20
    for place, content in _open_places(platform, topics):
        said = [text.decode() for text in data if text in content]
        assert not said, f"{place} tells {said}"


def _open_places(platform, topics):
    """Everything that partners and operators see."""
    for service in SERVICES:
        yield from _records(platform, topics.events(service))
        metrics = platform.caller("operator").request("GET", service, "/metrics")
        yield f"{service}/metrics", metrics.content
        for page in ("outbox", "consumers", "dead-letters", "configuration", "audit"):
            shown = platform.caller("operator").request("GET", service, f"/admin/{page}")
            assert shown.ok
            yield f"{service}/admin/{page}", shown.content
    logs = sorted(platform.installation.logs.iterdir())
    assert {log.stem for log in logs} >= set(platform.names)
    for log in logs:
        yield log.name, log.read_bytes()


def _records(platform, topic):
    consumer = KafkaConsumer(bootstrap_servers=platform.installation.kafka_bootstrap)
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                headers = b" ".join(value or b"" for _, value in record.headers)
                place = f"{topic}/{record.partition}/{record.offset}"
                yield place, b" ".join((record.key or b"", record.value or b"", headers))
    consumer.close()
