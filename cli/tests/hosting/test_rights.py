"""Rights follow from the code and from the hosting file, and from nothing else."""

import pytest

from vetika_cli.contracts.catalog import catalog_of, installed_services
from vetika_cli.contracts.topics import overview
from vetika_cli.hosting.rights import RightsFile, rights_of
from vetika_cli.hosting.source import Source
from vetika_cli.places import checkout
from vetika_kit.topics import Stream, Topics

TOPICS = Topics(coalition="dfwg")


@pytest.fixture
def rights(document, parsed):
    """The rights of the example's users."""
    return {one.user: one for one in rights_of(parsed(document), overview=Source().topics).users}


def test_a_service_may_write_what_it_publishes_and_read_that_and_what_it_handles(rights, parsed, document):
    """Held against publishes.py and consumes.py themselves, without the files that are made of them."""
    coalition = parsed(document)
    for service in catalog_of(installed_services(checkout())).services:
        own = rights[coalition.user_of_service(service.name)]
        published = {TOPICS.of(service.name, one.stream) for one in service.publishes}
        assert set(own.writes) == published
        assert set(own.reads) == published | {TOPICS.of(one.service, one.stream) for one in service.reads}
        assert own.group == TOPICS.group(service.name)
        assert own.group_prefix is None
        assert not own.administrator


def test_the_code_and_the_checked_in_overview_give_the_same_rights(parsed, document):
    """The rendering reads `contracts/topics.yaml`, which is made of the code."""
    of_code = overview(catalog_of(installed_services(checkout())))
    coalition = parsed(document)
    assert rights_of(coalition, overview=of_code) == rights_of(coalition, overview=Source().topics)


def test_a_partner_may_read_the_events_that_it_was_given_and_nothing_else(rights):
    """In groups that begin with its own name."""
    own = rights["dfwg.partners.university"]
    assert set(own.reads) == {TOPICS.events("registration"), TOPICS.events("meetings")}
    assert (own.writes, own.group, own.group_prefix) == ((), None, "university.")


def test_contacts_are_read_by_notifications_and_written_by_registration_alone(rights):
    """Registration may take its own back after a restore; nobody else may, whatever the file says."""
    contacts = TOPICS.of("registration", Stream.CONTACTS)
    assert [user for user, one in rights.items() if contacts in one.reads] == [
        "dfwg.advocacy-network.notifications",
        "dfwg.secretariat.registration",
    ]
    assert [user for user, one in rights.items() if contacts in one.writes] == [
        "dfwg.secretariat.registration"
    ]


def test_one_administrator_and_none_when_kafka_is_external(rights, document, parsed):
    """A cluster that nobody here runs has an administrator of its own."""
    assert [user for user, one in rights.items() if one.administrator] == ["dfwg.secretariat.kafka"]
    document["kafka"]["hosted_by"] = "external"
    users = rights_of(parsed(document), overview=Source().topics).users
    assert not any(one.administrator for one in users)


def test_the_file_says_all_of_it(parsed, document):
    """What is read again is what was written."""
    rights = rights_of(parsed(document), overview=Source().topics)
    assert RightsFile.from_yaml(rights.to_yaml()) == rights


@pytest.mark.parametrize("text", ["", "users: {}\n", "coalition: a\nusers: {b: {may: all}}\n", ": :"])
def test_what_is_no_file_of_rights_is_refused(text):
    """Nothing is taken away because a file is empty."""
    with pytest.raises(ValueError, match="no file of rights"):
        RightsFile.from_yaml(text)
