"""Organizations: applying to the coalition, being admitted, changing, leaving."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from registration.api.fields import EmailAddress, Name, PhoneNumber
from registration.api.services import services
from registration.domain.categories import OrganizationStatus, StakeholderCategory
from registration.membership import NotPossibleError, OrganizationKnownError
from registration.store.organizations import Document
from vetika_kit.http.access import Role, access, principal
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.fields import Timestamp
from vetika_kit.http.idempotency import idempotent, request_id_for
from vetika_kit.http.pages import PageQuery, page, page_of
from vetika_kit.http.preconditions import require_match, set_etag
from vetika_kit.http.problems import Problem, conflict, documented_problems, not_found

blueprint = Blueprint("organizations", __name__, description="The coalition's organizations")


class ContactSchema(Schema):
    """How an organization is reached; only the secretariat and the organization itself see it."""

    name = Name(1, 200, required=True)
    email = EmailAddress(required=True)
    phone = PhoneNumber(load_default=None, allow_none=True)


class OrganizationApplicationSchema(Schema):
    """An organization that asks to join."""

    name = Name(2, 200, required=True)
    acronym = Name(1, 40, load_default=None, allow_none=True)
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, required=True)
    contact = fields.Nested(ContactSchema, required=True)


class OrganizationChangeSchema(Schema):
    """What changes; what is left out stays."""

    name = Name(2, 200)
    acronym = Name(1, 40, allow_none=True)
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True)
    contact = fields.Nested(ContactSchema)


class OrganizationSchema(Schema):
    """An organization."""

    id = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "As in the ETag."})
    name = fields.String(required=True)
    acronym = fields.String(required=True, allow_none=True)
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, required=True)
    status = fields.Enum(OrganizationStatus, by_value=True, required=True)
    applied_at = Timestamp(required=True)
    contact = fields.Nested(
        ContactSchema, metadata={"description": "Only for the secretariat and the organization itself."}
    )


class OrganizationQuery(PageQuery):
    """Which organizations to list."""

    status = fields.Enum(
        OrganizationStatus,
        by_value=True,
        load_default=OrganizationStatus.ADMITTED,
        metadata={"description": "Others than `admitted` are listed for the secretariat only."},
    )


@blueprint.route("/v1/organizations", methods=["POST"])
@access(Role.PUBLIC)
@idempotent
@blueprint.arguments(OrganizationApplicationSchema)
@blueprint.response(201, OrganizationSchema)
@documented_problems(409)
def apply_for_membership(body: dict[str, Any]) -> dict[str, Any]:
    """Ask to join the coalition."""
    try:
        made = services().membership.apply(
            request_id_for("organization", body["name"].casefold()),
            name=body["name"],
            acronym=body["acronym"],
            category=body["stakeholder_category"],
            contact=body["contact"],
        )
    except OrganizationKnownError:
        raise _known() from None
    return _presented(made, with_contact=False)


@blueprint.route("/v1/organizations", methods=["GET"])
@access(Role.PUBLIC)
@blueprint.arguments(OrganizationQuery, location="query")
@blueprint.response(200, page_of(OrganizationSchema))
@documented_problems(403)
def list_organizations(query: dict[str, Any]) -> dict[str, Any]:
    """List the member organizations; the secretariat may ask for others and sees contacts."""
    secretariat = _is_secretariat()
    if query["status"] is not OrganizationStatus.ADMITTED and not secretariat:
        raise Problem(403, "role-missing", "Only the secretariat lists organizations that are no members.")
    return page(
        services().organizations.collection,
        {"status": query["status"]},
        query=query,
        present=lambda document: _presented(document, with_contact=secretariat, tag=False),
        projection={"outbox": False},
    )


@blueprint.route("/v1/organizations/<organization_id>", methods=["GET"])
@access(Role.PUBLIC)
@blueprint.response(200, OrganizationSchema)
@documented_problems(404)
def show_organization(organization_id: str) -> dict[str, Any]:
    """Show an organization; one that is no member only to itself and the secretariat."""
    found = services().organizations.get(organization_id)
    insider = _may_change(organization_id)
    if found is None or not (insider or found["status"] == OrganizationStatus.ADMITTED):
        raise not_found("organization", organization_id)
    return _presented(found, with_contact=insider)


@blueprint.route("/v1/organizations/<organization_id>", methods=["PATCH"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@blueprint.arguments(OrganizationChangeSchema)
@blueprint.response(200, OrganizationSchema)
@documented_problems(404, 409, 412, 428)
def update_organization(body: dict[str, Any], *, organization_id: str) -> dict[str, Any]:
    """Change an organization; its representative its own only."""
    seen = services().organizations.get(organization_id)
    if seen is None or not _may_change(organization_id):
        raise not_found("organization", organization_id)
    require_match(seen["version"])
    if "stakeholder_category" in body:
        body["stakeholder_category"] = str(body["stakeholder_category"])
    try:
        return _presented(services().membership.update(seen, body), with_contact=True)
    except OrganizationKnownError:
        raise _known() from None


@blueprint.route("/v1/organizations/<organization_id>/admission", methods=["POST"])
@access(Role.SECRETARIAT)
@idempotent
@blueprint.response(200, OrganizationSchema)
@documented_problems(404, 409)
def admit_organization(organization_id: str) -> dict[str, Any]:
    """Make an organization a member. Again changes nothing."""
    try:
        return _stepped(services().membership.admit(organization_id), organization_id)
    except OrganizationKnownError:
        raise _known() from None


@blueprint.route("/v1/organizations/<organization_id>/departure", methods=["POST"])
@access(Role.SECRETARIAT)
@idempotent
@blueprint.response(200, OrganizationSchema)
@documented_problems(404, 409)
def end_membership(organization_id: str) -> dict[str, Any]:
    """End a membership. Again changes nothing."""
    try:
        return _stepped(services().membership.depart(organization_id), organization_id)
    except NotPossibleError:
        raise conflict("not-a-member", "Only a member can leave.") from None


def _stepped(document: Document | None, organization_id: str) -> dict[str, Any]:
    if document is None:
        raise not_found("organization", organization_id)
    return _presented(document, with_contact=False)


def _known() -> Problem:
    return conflict("organization-known", "An organization of this name is a member or has applied.")


def _is_secretariat() -> bool:
    return Role.SECRETARIAT in principal().roles


def _may_change(organization_id: str) -> bool:
    caller = principal()
    represents = Role.ORGANIZATION in caller.roles and caller.organization_id == organization_id
    return _is_secretariat() or represents


def _presented(document: Mapping[str, Any], *, with_contact: bool, tag: bool = True) -> dict[str, Any]:
    if tag:
        set_etag(document["version"])
    shown = {
        "id": document["_id"],
        "version": document["version"],
        "name": document["name"],
        "acronym": document["acronym"],
        "stakeholder_category": StakeholderCategory(document["stakeholder_category"]),
        "status": OrganizationStatus(document["status"]),
        "applied_at": document["applied_at"],
    }
    return {**shown, "contact": document["contact"]} if with_contact else shown
