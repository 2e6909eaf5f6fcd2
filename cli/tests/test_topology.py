"""Topics are what the contracts say, and what people must decide is left to them."""

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from vetika_cli.contracts.catalog import catalog_of, installed_services
from vetika_cli.places import checkout
from vetika_cli.topology import align_topics, declared_topics
from vetika_kit.config import KafkaConfig, load
from vetika_kit.topics import Topics


def access(kafka_bootstrap, coalition):
    """How the tests' Kafka is reached."""
    return load(KafkaConfig, {"VETIKA_KAFKA_BOOTSTRAP": kafka_bootstrap, "VETIKA_COALITION": coalition})


def test_the_declared_topics_are_those_of_the_code(coalition):
    """What is read from the contracts is what the services' own declarations come to."""
    names = Topics(coalition=coalition)
    contracts = catalog_of(installed_services(checkout())).contracts()
    expected = {names.spec(one.service, one.stream) for one in contracts}
    assert set(declared_topics(coalition)) == expected


def test_topics_are_made_then_left_alone_then_mended(kafka_bootstrap, coalition):
    """The first run makes them, the second changes nothing, a changed setting is set back."""
    given = access(kafka_bootstrap, coalition)
    first = align_topics(given)
    assert sorted(first.made) == sorted(spec.name for spec in declared_topics(coalition))
    again = align_topics(given)
    assert (again.made, again.changed, again.left) == ((), (), ())
    topic = Topics(coalition=coalition).events("meetings")
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "1000"})
    admin.alter_configs([resource], incremental=True)
    mended = align_topics(given)
    assert mended.changed == (f"{topic}: retention.ms=63072000000",)
    asked = ConfigResource(ConfigResourceType.TOPIC, topic, ["retention.ms"])
    found = admin.describe_configs([asked], config_filter="all")["topic"][topic]
    assert found["retention.ms"]["value"] == "63072000000"
    admin.delete_topics([spec.name for spec in declared_topics(coalition)])
    admin.close()


def test_a_topic_that_is_split_otherwise_is_named_and_not_touched(kafka_bootstrap, coalition):
    """Partitions are never added: the order of what happened to one forum would be lost."""
    coalition = f"{coalition}x"
    topic = Topics(coalition=coalition).events("meetings")
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    admin.create_topics([NewTopic(topic, 2, 1)])
    (sentence,) = align_topics(access(kafka_bootstrap, coalition)).left
    assert sentence.startswith(f"{topic} has 2 partitions, and the contracts say 6")
    (found,) = admin.describe_topics([topic])
    assert len(found["partitions"]) == 2
    admin.delete_topics([spec.name for spec in declared_topics(coalition)])
    admin.close()
