"""The look before an upgrade on a Kafka that refuses what was not allowed."""

from dataclasses import replace

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from vetika_cli.embedded import KafkaServer, free_port, kafka
from vetika_kit.check import report
from vetika_kit.topics import Stream, Topics, create_topics

RIGHTS = """\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
listener.name.services.sasl.enabled.mechanisms=PLAIN
listener.name.services.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required user_sample="throw-away" user_stranger="throw-away";
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def door(tmp_path_factory, coalition):
    """A Kafka where the sample may write and read its topic and ask nothing more; the services' address."""
    port = free_port()
    listener = f"SERVICES://127.0.0.1:{port}"
    properties = kafka.PROPERTIES.replace("listeners=PLAINTEXT", f"listeners={listener},PLAINTEXT")
    properties = properties.replace("protocol.map=", "protocol.map=SERVICES:SASL_PLAINTEXT,")
    topic = Topics(coalition=coalition).spec("sample", Stream.EVENTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka, "PROPERTIES", properties + RIGHTS)
        with KafkaServer(tmp_path_factory.mktemp("kafka")) as server:
            admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
            create_topics(admin, [topic])
            place = ResourcePattern(ResourceType.TOPIC, topic.name, ACLResourcePatternType.LITERAL)
            admin.create_acls(
                [
                    ACL(
                        principal="User:sample",
                        host="*",
                        operation=operation,
                        permission_type=ACLPermissionType.ALLOW,
                        resource_pattern=place,
                    )
                    for operation in (ACLOperation.WRITE, ACLOperation.READ)
                ]
            )
            admin.close()
            yield f"127.0.0.1:{port}"


@pytest.fixture
def found(sample, door):
    """`found(user)`: what is not good, as that user sees it."""

    def looked(user):
        config = replace(
            sample.config,
            kafka_bootstrap=(door,),
            kafka_security_protocol="SASL_PLAINTEXT",
            kafka_sasl_mechanism="PLAIN",
            kafka_username=user,
            kafka_password="throw-away",
        )
        findings = report(replace(sample, config=config))["findings"]
        return [(one["level"], one["about"], one["what"]) for one in findings if one["level"] != "good"]

    return looked


def test_what_a_service_may_not_ask_for_is_a_note(found):
    """It has what its work needs, and nothing of that is in the way of an upgrade."""
    topics, disk = found("sample")
    assert topics[:2] == ("note", "topics")
    assert "may not be asked for" in topics[2]
    assert disk[:2] == ("note", "disk")


def test_a_service_without_rights_is_told_so(found):
    """Kafka hides a topic from who may not see it."""
    (topics, *_) = found("stranger")
    assert topics[:2] == ("bad", "topics")
    assert "may not be seen" in topics[2]
