"""The relay, against the real Kafka and MongoDB."""

import json
import threading

from vetika_kit.leases import LeasePolicy
from vetika_kit.processes import make_relay
from vetika_kit.relay import RelayPolicy


def _say(people, greeting, id_, count):
    seen = people.insert({"_id": id_}, greeting.event(subject=id_, name=id_, times=1))
    for times in range(2, count + 1):
        seen = people.update(seen, {}, greeting.event(subject=id_, name=id_, times=times))


def _waiting(sample):
    return sample.database["people"].count_documents({"outbox.since": {"$exists": True}})


def test_events_leave_in_order_and_the_outbox_is_empty_after(
    sample, people, greeting, published, running, eventually
):
    """Each aggregate's events reach Kafka once, in sequence, keyed by the aggregate."""
    for number in range(30):
        _say(people, greeting, f"p{number}", 3)
    running(make_relay(sample).run)
    eventually(lambda: len(published()) >= 90)
    eventually(lambda: _waiting(sample) == 0)
    assert len(published()) == 90
    by_key: dict[bytes, list[int]] = {}
    for record in published():
        by_key.setdefault(record.key, []).append(json.loads(record.value)["data"]["times"])
    assert all(times == [1, 2, 3] for times in by_key.values())


def test_a_record_is_a_cloud_event_and_repeats_its_attributes_as_headers(
    sample, people, greeting, published, running, eventually
):
    """The value alone is the whole event; the headers allow to skip by type."""
    event = greeting.event(subject="a", name="Sokha", times=1)
    people.insert({"_id": "a"}, event)
    running(make_relay(sample).run)
    record = eventually(published)[0]
    whole = json.loads(record.value)
    assert whole["specversion"] == "1.0"
    assert whole["id"] == event.id
    assert whole["source"] == f"/{sample.config.coalition}/sample"
    assert whole["time"].endswith("Z")
    assert dict(record.headers)["ce_type"] == b"greeting.said.v1"


def test_a_written_event_wakes_the_relay(sample, people, greeting, published, running, eventually):
    """An event leaves because it was written, long before the sweep would have looked."""
    relay = make_relay(sample, policy=RelayPolicy(sweep=600))
    running(relay.run)
    eventually(lambda: relay.listening)
    people.insert({"_id": "a"}, greeting.event(subject="a", name="x", times=1))
    eventually(published, seconds=5)


def test_two_relays_share_the_shards_and_publish_everything_once(
    sample, people, greeting, published, running, eventually
):
    """Replicas take a half each; together they leave nothing and repeat nothing."""
    policy = LeasePolicy(duration=5, renewal=0.2)
    for _ in range(2):
        running(make_relay(sample, leases=policy).run)

    def owners():
        held = [lease["owner"] for lease in sample.database["relay_leases"].find()]
        return sorted(held.count(owner) for owner in set(held))

    eventually(lambda: owners() == [32, 32])
    for number in range(100):
        _say(people, greeting, f"q{number}", 1)
    eventually(lambda: _waiting(sample) == 0)
    eventually(lambda: len(published()) >= 100)
    assert len(published()) == 100


def test_the_shards_of_a_relay_that_died_are_taken_over(
    sample, people, greeting, published, running, eventually
):
    """A lease that is not renewed ends, and what waited in its shards leaves."""
    policy = LeasePolicy(duration=1, renewal=0.1)
    dead = make_relay(sample, leases=policy)
    dead.leases.keep()
    assert len(dead.leases.held) == 64
    people.insert({"_id": "a"}, greeting.event(subject="a", name="x", times=1))
    running(make_relay(sample, leases=policy).run)
    eventually(published)


def test_a_relay_that_slept_through_its_lease_publishes_nothing(sample, people, greeting):
    """Its own clock tells a relay that others may have its shards now."""
    relay = make_relay(sample, leases=LeasePolicy(duration=0.01, renewal=600))
    relay.leases.keep()
    people.insert({"_id": "a"}, greeting.event(subject="a", name="x", times=1))
    threading.Event().wait(0.05)
    assert relay.leases.held == []
    assert relay.relay_batch() is False
    assert _waiting(sample) == 1


def test_an_event_written_while_the_batch_is_on_its_way_stays(sample, people, greeting, published):
    """The acknowledgement drops what was published and keeps what came meanwhile."""
    relay = make_relay(sample)
    relay.leases.keep()
    seen = people.insert({"_id": "a"}, greeting.event(subject="a", name="x", times=1))
    assert relay.relay_batch() is True
    people.update(seen, {}, greeting.event(subject="a", name="x", times=2))
    while relay.relay_batch():
        pass
    assert _waiting(sample) == 0
    relay.close()
    times = []
    while len(times) < 2:
        times = [json.loads(record.value)["data"]["times"] for record in published()]
    assert sorted(set(times)) == [1, 2]
