"""A partner on a cluster with rights: what the page promises, on a Kafka that really refuses."""

import json
from functools import partial

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from vetika_cli.embedded import KafkaServer, free_port, kafka
from vetika_cli.places import checkout
from vetika_kit.topics import Stream, Topics, create_topics

TOPICS = Topics(coalition="dfwg")
PARTNER = "partner-one"
SIGN_IN = f"""
    security_protocol="SASL_PLAINTEXT",
    sasl_mechanism="PLAIN",
    sasl_plain_username="{PARTNER}",
    sasl_plain_password="throw-away",
    enable_auto_commit=False,
"""
RIGHTS = """\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
listener.name.partners.sasl.enabled.mechanisms=PLAIN
listener.name.partners.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required user_{partner}="throw-away";
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A Kafka of its own; yields the addresses of the operator's door and of the partners'."""
    port = free_port()
    door = f"PARTNERS://127.0.0.1:{port}"
    properties = kafka.PROPERTIES.replace("listeners=PLAINTEXT", f"listeners={door},PLAINTEXT")
    properties = properties.replace("protocol.map=", "protocol.map=PARTNERS:SASL_PLAINTEXT,")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka, "PROPERTIES", properties + RIGHTS.replace("{partner}", PARTNER))
        with KafkaServer(tmp_path_factory.mktemp("kafka")) as server:
            admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
            create_topics(admin, [TOPICS.spec("registration", stream) for stream in Stream])
            admin.create_acls(
                [
                    allowed(
                        ResourceType.TOPIC, TOPICS.events("registration"), ACLResourcePatternType.LITERAL
                    ),
                    allowed(ResourceType.GROUP, f"{PARTNER}.", ACLResourcePatternType.PREFIXED),
                ]
            )
            admin.close()
            yield server.bootstrap, f"127.0.0.1:{port}"


def allowed(resource, name, pattern):
    """The partner's right to read."""
    return ACL(
        principal=f"User:{PARTNER}",
        host="*",
        operation=ACLOperation.READ,
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(resource, name, pattern),
    )


@pytest.fixture
def partner(cluster, running_lines):
    """Run the page's lines with a partner's name and password."""
    page = (checkout() / "contracts" / "README.md").read_text("utf-8")
    lines = page.partition("```python\n")[2].partition("```")[0]
    lines = lines.replace("    enable_auto_commit=False,\n", SIGN_IN.lstrip("\n"))
    return partial(running_lines, lines, bootstrap=cluster[1])


def test_a_partner_reads_the_events_topic_in_a_group_of_its_own(partner, cluster, catalog):
    """The rights that the page describes are enough for its lines."""
    contracts = {contract.type: contract for contract in catalog.contracts()}
    example = contracts["registration.confirmed.v1"].example
    producer = KafkaProducer(bootstrap_servers=cluster[0], acks="all")
    topic = TOPICS.events("registration")
    producer.send(topic, key=b"one", value=json.dumps(example).encode()).get(timeout=10)
    producer.close()
    process = partner(topic=topic, group=f"{PARTNER}.seats")
    assert process.stdout.readline().split() == [example["time"], example["data"]["stakeholder_category"]]


def test_a_partner_who_asks_for_contacts_is_told_and_does_not_wait(partner):
    """The topic is there, and nobody but registration and notifications may know."""
    process = partner(topic=TOPICS.contacts(), group=f"{PARTNER}.contacts")
    printed, told = process.communicate(timeout=60)
    assert (process.returncode, printed) == (1, "")
    assert "you may not read it" in told


def test_a_group_without_the_partner_s_prefix_is_refused(partner):
    """Otherwise one partner could move another's position, or a service's."""
    process = partner(topic=TOPICS.events("registration"), group=TOPICS.group("notifications"))
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "GroupAuthorizationFailedError" in told
