"""Forums: drafting, reading and revising them."""

from typing import Any

from marshmallow import fields

from meetings.api.refusals import refusals_as_problems
from meetings.api.schemas import (
    ForumChangesSchema,
    ForumPlanSchema,
    ForumSchema,
    plan_of,
    present,
    revised_plan,
)
from meetings.api.services import actor, services
from meetings.domain.forum import Status
from meetings.store.forums import kept, seen_by
from vetika_kit.http.access import Role, access
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.idempotency import idempotent, request_id_for
from vetika_kit.http.pages import PageQuery, page, page_of
from vetika_kit.http.preconditions import require_match, set_etag
from vetika_kit.http.problems import documented_problems

blueprint = Blueprint("forums", __name__, description="Forums of the coalition")


class ForumQuery(PageQuery):
    """Which forums to list."""

    status = fields.Enum(Status, by_value=True, metadata={"description": "Only forums in this status."})


@blueprint.route("/v1/forums", methods=["POST"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@idempotent
@blueprint.arguments(ForumPlanSchema)
@blueprint.response(201, ForumSchema)
@refusals_as_problems()
def draft_forum(body: dict[str, Any]) -> dict[str, Any]:
    """Begin a forum as a draft, which nobody else sees.

    A representative's forums are hosted by the organization that they represent.
    """
    who = actor()
    if not who.secretariat and body["host_organization_id"] is None:
        body["host_organization_id"] = who.organization_id
    made = services().forums.draft(plan_of(body), id_=request_id_for("forum"), actor=who)
    set_etag(made.version)
    return present(made)


@blueprint.route("/v1/forums", methods=["GET"])
@access(Role.PUBLIC)
@blueprint.arguments(ForumQuery, location="query")
@blueprint.response(200, page_of(ForumSchema))
def list_forums(query: dict[str, Any]) -> dict[str, Any]:
    """List the forums, the earliest first: those announced, and the drafts that are the caller's to run."""
    wanted = seen_by(actor())
    if "status" in query:
        wanted["status"] = query["status"].value
    return page(
        services().store.collection,
        wanted,
        query=query,
        order=("starts_at", 1),
        present=lambda document: present(kept(document)),
    )


@blueprint.route("/v1/forums/<forum_id>", methods=["GET"])
@access(Role.PUBLIC)
@blueprint.response(200, ForumSchema)
@documented_problems(404)
@refusals_as_problems()
def show_forum(forum_id: str) -> dict[str, Any]:
    """Show a forum; a draft is shown to those who run it."""
    shown = services().forums.show(forum_id, actor=actor())
    set_etag(shown.version)
    return present(shown)


@blueprint.route("/v1/forums/<forum_id>", methods=["PATCH"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@blueprint.arguments(ForumChangesSchema)
@blueprint.response(200, ForumSchema)
@documented_problems(404, 409, 412, 428)
@refusals_as_problems()
def revise_forum(body: dict[str, Any], *, forum_id: str) -> dict[str, Any]:
    """Change a forum's plan; after the announcement everybody is told."""
    who = actor()
    seen = services().forums.own(forum_id, actor=who)
    require_match(seen.version)
    revised = services().forums.revise(seen, revised_plan(seen.forum.plan, body), actor=who)
    set_etag(revised.version)
    return present(revised)
