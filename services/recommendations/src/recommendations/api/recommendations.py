"""Recommendations: writing drafts down and reading them."""

from typing import Any

from marshmallow import fields, validate

from recommendations.api.schemas import DraftSchema, RecommendationSchema, present
from recommendations.api.services import reader, services
from recommendations.domain.errors import UnknownForumError, UnknownRecommendationError
from recommendations.domain.recommendation import Draft
from recommendations.store.recommendations import kept, seen_by
from vetika_kit.http.access import Role, access
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.idempotency import idempotent, request_id_for
from vetika_kit.http.pages import PageQuery, page, page_of
from vetika_kit.http.preconditions import set_etag
from vetika_kit.http.problems import documented_problems, invalid, not_found

blueprint = Blueprint("recommendations", __name__, description="What forums recommend")


class RecommendationQuery(PageQuery):
    """Which recommendations to list."""

    forum_id = fields.String(
        validate=validate.Length(max=64), metadata={"description": "Only those that came out of this forum."}
    )


@blueprint.route("/v1/recommendations", methods=["POST"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@idempotent
@blueprint.arguments(DraftSchema)
@blueprint.response(201, RecommendationSchema)
def draft_recommendation(body: dict[str, Any]) -> dict[str, Any]:
    """Write a recommendation down as a draft, for the organization that the caller represents."""
    draft = Draft(organization_id=reader().organization_id, **body)
    try:
        made = services().drafts.write_down(draft, id_=request_id_for("recommendation"))
    except UnknownForumError as error:
        raise invalid({"pointer": "/forum_id", "detail": "No forum with this id is known here."}) from error
    set_etag(made.version)
    return present(made)


@blueprint.route("/v1/recommendations", methods=["GET"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@blueprint.arguments(RecommendationQuery, location="query")
@blueprint.response(200, page_of(RecommendationSchema))
def list_recommendations(query: dict[str, Any]) -> dict[str, Any]:
    """List the drafts that the caller may read, the earliest first."""
    wanted = seen_by(reader())
    if "forum_id" in query:
        wanted["forum_id"] = query["forum_id"]
    return page(
        services().store.collection,
        wanted,
        query=query,
        order=("drafted_at", 1),
        present=lambda document: present(kept(document)),
    )


@blueprint.route("/v1/recommendations/<recommendation_id>", methods=["GET"])
@access(Role.SECRETARIAT, Role.ORGANIZATION)
@blueprint.response(200, RecommendationSchema)
@documented_problems(404)
def show_recommendation(recommendation_id: str) -> dict[str, Any]:
    """Show a recommendation; a draft is its writer's and the secretariat's to read."""
    try:
        shown = services().drafts.show(recommendation_id, reader=reader())
    except UnknownRecommendationError as error:
        raise not_found("recommendation", recommendation_id) from error
    set_etag(shown.version)
    return present(shown)
