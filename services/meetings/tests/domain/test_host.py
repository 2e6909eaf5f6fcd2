"""Who may host."""

import pytest

from meetings.domain.errors import BadPlanError
from meetings.domain.host import Membership, Organization, check_host


def organization(membership):
    """An organization that stands so."""
    return Organization(id="o-1", name="VBNK", acronym=None, membership=membership)


def test_a_member_may_host():
    """An admitted organization passes."""
    check_host(organization(Membership.ADMITTED))


@pytest.mark.parametrize("other", [None, organization(Membership.APPLIED), organization(Membership.DEPARTED)])
def test_nobody_else_hosts(other):
    """Unknown, only applied or departed: the field is named as wrong."""
    with pytest.raises(BadPlanError) as caught:
        check_host(other)
    assert [fault.pointer for fault in caught.value.faults] == ["/host_organization_id"]
