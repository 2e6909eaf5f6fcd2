"""The page for partners: its lines are run as they stand, against the real Kafka."""

import re
from functools import partial

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from vetika_cli.places import checkout
from vetika_kit.cloudevents import encode
from vetika_kit.topics import Stream, Topics, create_topics

PAGE = checkout() / "contracts" / "README.md"


@pytest.fixture(scope="module")
def lines():
    """The page's Python."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return code


@pytest.fixture(scope="module")
def topic(coalition, kafka_bootstrap):
    """A registration topic of its own."""
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    spec = Topics(coalition=coalition).spec("registration", Stream.EVENTS)
    create_topics(admin, [spec])
    admin.close()
    return spec.name


@pytest.fixture
def publish(topic, kafka_bootstrap, catalog, coalition):
    """Publish the example of a type, `times` times over, as the relay would."""
    contracts = {contract.type: contract for contract in catalog.contracts()}

    def publish(type_, *, times=1):
        schema = contracts[type_].schema
        data = schema().load(dict(schema.example))
        event = schema.event(subject=schema.example["registration_id"], **data)
        value, headers = encode(event, source=f"/{coalition}/registration", sequence=1)
        producer = KafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all", enable_idempotence=True)
        for _ in range(times):
            producer.send(topic, key=event.key.encode(), value=value, headers=headers).get(timeout=10)
        producer.close()
        return event

    return publish


@pytest.fixture
def subscriber(lines, kafka_bootstrap, running_lines):
    """Run the page's lines as a partner would."""
    return partial(running_lines, lines, bootstrap=kafka_bootstrap)


def committed(kafka_bootstrap, topic, group):
    """Sum of the positions that a group has committed."""
    consumer = KafkaConsumer(bootstrap_servers=kafka_bootstrap, group_id=group, enable_auto_commit=False)
    try:
        partitions = consumer.partitions_for_topic(topic)
        return sum(consumer.committed(TopicPartition(topic, number)) or 0 for number in partitions)
    finally:
        consumer.close()


def test_the_page_is_one_page_and_its_lines_are_twenty(lines):
    """A partner reads it in five minutes."""
    assert len(lines.splitlines()) <= 20 + 2  # the imports
    assert len(PAGE.read_text("utf-8").split()) < 900


def test_the_lines_print_what_happened_once_and_commit_after_the_work(
    subscriber, publish, topic, coalition, kafka_bootstrap, eventually
):
    """From the beginning, other types skipped, an event that comes twice handled once."""
    publish("registration.waitlisted.v1")
    first = publish("registration.confirmed.v1", times=2)
    process = subscriber(topic=topic, group=f"{coalition}-partner.seats")
    assert process.stdout.readline().split()[1] == first.data["stakeholder_category"]
    eventually(lambda: committed(kafka_bootstrap, topic, f"{coalition}-partner.seats") == 3, seconds=20)
    second = publish("registration.confirmed.v1")
    printed = process.stdout.readline().split()
    assert printed[0][:19] == second.time.isoformat()[:19]
    assert process.poll() is None


def test_the_lines_say_so_when_the_topic_is_not_to_be_read(subscriber, coalition):
    """A topic that is missing or forbidden looks the same to a consumer: silence, unless it asks."""
    process = subscriber(topic=f"{coalition}.registration.contacts.v1", group=f"{coalition}-partner.contacts")
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert told.strip().endswith(f"{coalition}.registration.contacts.v1 is not there, or you may not read it")


def test_the_page_names_every_topic_that_partners_may_read(catalog):
    """And says of the others why not."""
    page = PAGE.read_text("utf-8")
    for contract in catalog.contracts():
        assert Topics(coalition="dfwg").of(contract.service, contract.stream) in page
