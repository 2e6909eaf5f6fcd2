"""The contract of what meetings publishes."""

import pytest

from meetings import publishes
from vetika_kit.events import published_by

CONTRACTS = published_by(publishes)


def test_every_step_has_its_event():
    """The five types that other services read."""
    assert sorted(CONTRACTS) == [
        "forum.announced.v1",
        "forum.cancelled.v1",
        "forum.registration-closed.v1",
        "forum.registration-opened.v1",
        "forum.updated.v1",
    ]


@pytest.mark.parametrize("type_", CONTRACTS)
def test_an_example_is_what_the_contract_says(type_):
    """Partners develop against it."""
    schema = CONTRACTS[type_]()
    assert schema.validate(schema.example) == {}
