"""A hosting file is refused whole, with a sentence for everything that is wrong with it."""

import pytest

from vetika_cli.errors import UserError
from vetika_cli.hosting import reading
from vetika_cli.hosting.source import Source


def organization(document, number=0):
    """One of the document's organizations."""
    return document["organizations"][number]


def partner(document, number=0):
    """One of the document's partners."""
    return document["partners"][number]


def drop(key):
    """Leave a key out."""
    return lambda document: document.pop(key)


def put(key, value, of=lambda document: document):
    """Give a key another value."""
    return lambda document: of(document).__setitem__(key, value)


WRONG = {
    "unknown-key": (put("colour", "red"), "the file: there is no colour here"),
    "nothing-of-kafka": (drop("kafka"), "the file: kafka must be given"),
    "coalition": (put("coalition", "D-F"), "coalition: must be The coalition's short name"),
    "name-with-a-slash": (
        put("name", "../a", organization),
        "organizations[0].name: must be 1 to 30 lower-case",
    ),
    "name-with-a-dot": (put("name", "a.b", partner), "partners[0].name: must be 1 to 30 lower-case"),
    "name-ends-with-a-hyphen": (put("name", "a-", partner), "partners[0].name: must be 1 to 30 lower-case"),
    "same-name": (put("name", "university", organization), "partners[1].name: university is the name of"),
    "reserved": (
        put("name", "partners", organization),
        "organizations[0].name: partners means something else",
    ),
    "coalition-s-name": (put("name", "dfwg", partner), "partners[0].name: dfwg is the coalition's own name"),
    "address": (
        put("address", "https://a.example", organization),
        "organizations[0].address: must be the host name",
    ),
    "same-address": (
        put("address", "vetika.advocacy.example", organization),
        "organizations[1].address: vetika.advocacy.example is the address of organizations[0] already",
    ),
    "service-unknown": (
        lambda document: organization(document)["services"].append("billing"),
        "organizations[0].services[2]: there is no service billing; there are meetings, notifications",
    ),
    "service-twice": (
        lambda document: organization(document)["services"].append("notifications"),
        "organizations[1].services[0]: notifications is hosted by secretariat already",
    ),
    "service-with-nobody": (
        lambda document: organization(document)["services"].remove("meetings"),
        "organizations: nobody hosts meetings",
    ),
    "hosts-nothing": (
        lambda document: document["organizations"].append(
            {"name": "idle", "address": "idle.example", "services": []}
        ),
        "organizations[2].services: idle hosts nothing",
    ),
    "kafka-with-nobody": (
        put("hosted_by", "somebody", lambda document: document["kafka"]),
        "kafka.hosted_by: there is no organization somebody; name one of secretariat, advocacy-network,",
    ),
    "kafka-without-a-port": (
        put("addresses", ["kafka.example"], lambda document: document["kafka"]),
        "kafka.addresses[0]: must be a host name and a port",
    ),
    "kafka-port": (
        put("addresses", ["kafka.example:70000"], lambda document: document["kafka"]),
        "kafka.addresses[0]: kafka.example:70000 has a port that does not exist",
    ),
    "kafka-with-two-addresses": (
        put("addresses", ["a.example:9093", "b.example:9093"], lambda document: document["kafka"]),
        "kafka.addresses: the Kafka of secretariat is one broker",
    ),
    "kafka-without-addresses": (
        put("addresses", [], lambda document: document["kafka"]),
        "kafka.addresses: at least one must be given",
    ),
    "ca-that-is-not-there": (
        lambda document: document["kafka"].update(hosted_by="external", ca="ours.pem"),
        "kafka.ca: there is no file",
    ),
    "ca-beside-the-coalition-s": (
        put("ca", "ours.pem", lambda document: document["kafka"]),
        "kafka.ca: the certificate of secretariat is the coalition's",
    ),
    "certificates": (
        put("certificates", "none", organization),
        "organizations[0].certificates: 'none' is not one of",
    ),
    "contacts": (put("topics", ["contacts"], partner), "partners[0].topics[0]: contacts are personal data"),
    "contacts-in-full": (
        put("topics", ["meetings", "dfwg.registration.contacts.v1"], partner),
        "partners[0].topics[1]: contacts are personal data",
    ),
    "topic-unknown": (put("topics", ["*"], partner), "partners[0].topics[0]: there is no service *"),
    "no-topics": (put("topics", [], partner), "partners[0].topics: at least one must be given"),
    "same-topic": (
        put("topics", ["meetings", "meetings"], partner),
        "partners[0].topics: the same is given twice",
    ),
    "password-in-settings": (
        put("settings", {"VETIKA_SMTP_PASSWORD": "x"}, organization),
        "organizations[0].settings.VETIKA_SMTP_PASSWORD: looks like a secret",
    ),
    "setting-decided": (
        put("settings", {"VETIKA_KAFKA_USERNAME": "x"}, organization),
        "organizations[0].settings.VETIKA_KAFKA_USERNAME: is decided by the rendering",
    ),
    "setting-of-two-lines": (
        put("settings", {"VETIKA_SMTP_FROM_NAME": "a\nb"}, organization),
        "organizations[0].settings.VETIKA_SMTP_FROM_NAME: must be one line",
    ),
    "name-of-a-setting": (
        put("settings", {"vetika": "x"}, organization),
        "organizations[0].settings: 'vetika' is no name of a setting",
    ),
}


@pytest.mark.parametrize(("change", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place(document, parsed, change, sentence):
    """One clear sentence each."""
    change(document)
    with pytest.raises(UserError) as refused:
        parsed(document)
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")


def test_everything_that_is_wrong_is_said_at_once(document, parsed):
    """Nobody wants to find five faults in five attempts."""
    organization(document)["services"].append("billing")
    partner(document)["topics"] = ["contacts"]
    document["kafka"]["hosted_by"] = "nobody"
    with pytest.raises(UserError) as refused:
        parsed(document)
    assert len(str(refused.value).splitlines()) == 1 + 3


def test_a_key_that_is_given_twice_is_refused(tmp_path):
    """YAML's readers would silently take the last."""
    with pytest.raises(UserError, match="the key coalition is given twice"):
        reading.parsed("coalition: a\ncoalition: b\n", path=tmp_path / "f.yml", services=Source().services)


@pytest.mark.parametrize("text", ["", "- a\n", "coalition: [\n", "\t"])
def test_what_is_no_hosting_file_gets_a_sentence(tmp_path, text):
    """An empty file, a list, and what is not YAML at all."""
    with pytest.raises(UserError, match=r"f\.yml"):
        reading.parsed(text, path=tmp_path / "f.yml", services=Source().services)


def test_the_example_is_a_coalition_of_two(document, parsed):
    """As it stands in the repository."""
    coalition = parsed(document)
    assert coalition.kafka_host.name == "secretariat"
    assert coalition.user_of_service("notifications") == "dfwg.advocacy-network.notifications"
    assert [one.group_prefix for one in coalition.partners] == ["policy-observatory.", "university."]
