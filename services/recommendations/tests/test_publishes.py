"""The contract of what recommendations publishes."""

import pytest

from recommendations import publishes
from vetika_kit.events import published_by

CONTRACTS = published_by(publishes)


def test_what_is_published():
    """One type as yet."""
    assert sorted(CONTRACTS) == ["recommendation.drafted.v1"]


@pytest.mark.parametrize("type_", CONTRACTS)
def test_an_example_is_what_the_contract_says(type_):
    """Partners develop against it."""
    schema = CONTRACTS[type_]()
    assert schema.validate(schema.example) == {}
