"""What meetings hears: who the coalition's organizations are."""

from marshmallow import fields

from meetings.domain.host import Membership, Organization
from meetings.store.organizations import HeardOrganizations
from vetika_kit.events import ReaderSchema, Received
from vetika_kit.handlers import handles


class OrganizationHeard(ReaderSchema):
    """What meetings needs to know of an organization."""

    organization_id = fields.String(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    acronym = fields.String(load_default=None, allow_none=True)
    status = fields.Enum(Membership, by_value=True, required=True)


@handles("organization.applied.v1", reads=OrganizationHeard, service="registration")
@handles("organization.admitted.v1", reads=OrganizationHeard, service="registration")
@handles("organization.departed.v1", reads=OrganizationHeard, service="registration")
@handles("organization.updated.v1", reads=OrganizationHeard, service="registration")
def learn_of_an_organization(event: Received, *, organizations: HeardOrganizations) -> None:
    """Keep the newest that is known of it: a forum's host must be a member."""
    heard = event.data
    organizations.learn(
        Organization(
            id=heard["organization_id"],
            name=heard["name"],
            acronym=heard["acronym"],
            membership=heard["status"],
        ),
        version=heard["version"],
    )
