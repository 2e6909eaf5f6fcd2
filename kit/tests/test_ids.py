"""Identifiers."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vetika_kit.ids import derived_id, long_id, new_id, short_id


def test_new_ids_are_version_7_and_sort_by_time():
    """RFC 9562: version, variant, and the time first."""
    first = uuid.UUID(new_id())
    while (second := uuid.UUID(new_id())).int >> 80 == first.int >> 80:
        pass
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert str(first) < str(second)


def test_the_same_parts_give_the_same_id_and_other_parts_another():
    """Where one part ends and the next begins counts."""
    assert derived_id("ab", "c") == derived_id("ab", "c")
    assert derived_id("ab", "c") != derived_id("a", "bc")


@given(st.uuids())
def test_an_id_in_a_link_is_short_and_comes_back(some):
    """22 characters that no link breaks at, for 36."""
    short = short_id(str(some))
    assert len(short) == 22
    assert not set(short) & set("+/=%")
    assert long_id(short) == str(some)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "r-1",
        "x" * 21,
        "!" * 22,
        "ខ" * 22,
        "01935B3E-7C1A-7C3E-9B1A-0123456789AB",
        "01935b3e7c1a7c3e9b1a0123456789ab",
    ],
)
def test_what_is_no_id_stays_as_it_is(text):
    """A mistyped link leads nowhere, and breaks nothing."""
    assert long_id(short_id(text)) == text
