"""Whose drafts are whose."""

import pytest

from recommendations.domain.recommendation import Draft, Reader

OURS = Draft(
    title={"en": "A share for women's priorities"},
    text={"en": "Reserve a share of commune funds."},
    forum_id=None,
    organization_id="o-1",
    stakeholder_category=None,
    addressed_to="Ministry of Interior",
)


@pytest.mark.parametrize(
    ("reader", "sees"),
    [
        (Reader(secretariat=True), True),
        (Reader(organization_id="o-1"), True),
        (Reader(organization_id="o-2"), False),
        (Reader(), False),
    ],
)
def test_a_draft_is_read_by_its_writer_and_the_secretariat(reader, sees):
    """What is not agreed on is nobody else's yet."""
    assert reader.sees(OURS) is sees
