"""Masked addresses."""

import pytest

from notifications.domain.masking import masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("samnang@cambodia.example", "s•••@cambodia.example"),
        ("a@b.example", "a•••@b.example"),
        ("+85592280685", "+855•••••685"),
        ("+85512", "••••••"),
    ],
)
def test_an_address_is_recognized_and_not_used(address, shown):
    """The domain or the last three digits, and little more."""
    assert masked(address) == shown
