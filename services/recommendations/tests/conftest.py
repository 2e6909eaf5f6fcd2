"""Recommendations on the real servers."""

import pytest

from recommendations.service import SERVICE
from recommendations.store.forums import FORUMS
from vetika_kit.http.principals import Role


@pytest.fixture(scope="module")
def recommendations(under_test):
    """The service, knowing the forum `f-known`."""
    service = under_test(SERVICE)
    service.database[FORUMS].insert_one(
        {"_id": "f-known", "version": 1, "status": "closed", "theme": {"en": "Gender"}, "date": "2026-03-10"}
    )
    return service


@pytest.fixture
def secretariat(recommendations):
    """The secretariat as a caller."""
    return recommendations.client(Role.SECRETARIAT)


@pytest.fixture
def writer(recommendations):
    """A representative of `o-1` as a caller."""
    return recommendations.client(Role.ORGANIZATION, organization_id="o-1")


@pytest.fixture
def other(recommendations):
    """A representative of `o-2` as a caller."""
    return recommendations.client(Role.ORGANIZATION, organization_id="o-2")


@pytest.fixture
def body():
    """A recommendation as a request describes it."""
    return {
        "title": {"en": "Reserve a share of commune funds for women's priorities"},
        "text": {"en": "Ten per cent.\nFrom next year.", "km": "ដប់ភាគរយ"},
        "forum_id": "f-known",
        "stakeholder_category": "cbo",
        "addressed_to": "Ministry of Interior",
    }
