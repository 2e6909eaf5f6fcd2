"""People, keys, references and numbers."""

import uuid

import pytest

from registration.domain.emails import InvalidEmailError, normalized_email
from registration.domain.identity import (
    identities,
    manage_key,
    opens,
    organization_key,
    person_id,
    reference,
)
from registration.domain.phones import InvalidPhoneError, normalized_phone
from registration.domain.texts import cleaned

SECRET = b"secret"


@pytest.mark.parametrize(
    "text",
    [
        "012345678",
        "(0)12345678",
        "+855 12345678",
        "0085512345678",
        "12 345 678",
        "+855 (0)12 345 678",
        "012-345-678",
        "០១២៣៤៥៦៧៨",
    ],
)
def test_one_number_in_many_spellings(text):
    """All that people write for one Cambodian number is one number."""
    assert normalized_phone(text) == "+85512345678"


@pytest.mark.parametrize("text", ["12-34", "", "phone", "+855", "012 345 678 ext 5", "+8551234567890123"])
def test_what_is_no_number(text):
    """Too short, too long, no digits, or with an extension."""
    with pytest.raises(InvalidPhoneError):
        normalized_phone(text)


def test_a_number_from_abroad():
    """A country code is believed."""
    assert normalized_phone("+1 650 253 0000") == "+16502530000"


@pytest.mark.parametrize("text", ["a at b.example", "a@localhost", "a@b", "ខ@x.example", "a b@x.example", ""])
def test_what_is_no_address(text):
    """Nothing that a mail server would refuse for its form."""
    with pytest.raises(InvalidEmailError):
        normalized_email(text)


def test_addresses_are_compared_without_case():
    """The domain is stored lower-case, the rest as written; the identity knows no case."""
    assert normalized_email("Dara.Sok@KID.Example") == "Dara.Sok@kid.example"
    assert identities(email="Dara.Sok@kid.example", phone=None) == ("email:dara.sok@kid.example",)


def test_a_person_is_address_and_number_together():
    """Neither alone makes the other's id, nor does another secret."""
    ids = {
        person_id(email="a@x.example", phone="+85512345678", secret=SECRET),
        person_id(email="a@x.example", phone=None, secret=SECRET),
        person_id(email=None, phone="+85512345678", secret=SECRET),
        person_id(email="a@x.example", phone="+85512345678", secret=b"other"),
    }
    assert len(ids) == 4
    assert all(uuid.UUID(one).variant == uuid.RFC_4122 for one in ids)
    assert person_id(email="A@X.example", phone=None, secret=SECRET) in ids


def test_a_key_opens_one_person():
    """The key is the person's, and of this secret."""
    key = manage_key("somebody", secret=SECRET)
    assert opens(key, person="somebody", secret=SECRET)
    assert not opens(key, person="another", secret=SECRET)
    assert not opens(key, person="somebody", secret=b"other")
    assert not opens("ខ្មែរ", person="somebody", secret=SECRET)
    assert len(key) == 16


def test_references_can_be_read_out():
    """Eight characters, none that is taken for another; the same for the same registration."""
    found = {reference(str(number)) for number in range(1000)}
    assert len(found) == 1000
    assert not set("".join(found)) & set("01OIL")
    assert reference("1") == reference("1")


def test_organizations_are_counted_by_member_or_name():
    """A member by its id; another by its name without case; nobody's key can be a path."""
    assert organization_key(organization_id="one", name="Anything") == "one"
    key = organization_key(organization_id=None, name="Ministry of Women's Affairs.$x")
    assert key == organization_key(organization_id=None, name="MINISTRY OF WOMEN'S AFFAIRS.$X")
    assert not set(key) & set(".$")
    assert organization_key(organization_id=None, name=None) is None


def test_pasted_dirt_is_cleaned():
    """Invisible characters and untidy spaces go; the joiners that a script needs stay inside."""
    assert cleaned("  LIM \u200b") == "LIM"
    assert cleaned("\u200b") == ""
    assert cleaned("a\u00a0\u00a0b") == "a b"
    assert cleaned("ក\u200dខ\u200d") == "ក\u200dខ"
