"""What callers send of a recommendation and what they are shown."""

from typing import Any

from marshmallow import Schema, fields

from recommendations.domain.recommendation import StakeholderCategory, Status
from recommendations.store.recommendations import Kept
from vetika_kit.http.fields import LocalizedText, Text, Timestamp


class DraftSchema(Schema):
    """A recommendation as it is written down."""

    title = LocalizedText(required=True, max=200)
    text = LocalizedText(required=True, max=5000, multiline=True)
    forum_id = Text(
        load_default=None, allow_none=True, max=64, metadata={"description": "The forum that it came out of."}
    )
    stakeholder_category = fields.Enum(
        StakeholderCategory,
        by_value=True,
        load_default=None,
        allow_none=True,
        metadata={"description": "Who recommends it; null: all who met."},
    )
    addressed_to = Text(required=True, max=200, metadata={"description": "Who is asked to act."})


class RecommendationSchema(Schema):
    """A recommendation."""

    id = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "As in the ETag."})
    status = fields.Enum(Status, by_value=True, required=True)
    title = LocalizedText(required=True, max=200)
    text = LocalizedText(required=True, max=5000, multiline=True)
    forum_id = fields.String(required=True, allow_none=True)
    organization_id = fields.String(
        required=True, allow_none=True, metadata={"description": "Who wrote it down; null: the secretariat."}
    )
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, required=True, allow_none=True)
    addressed_to = fields.String(required=True)
    drafted_at = Timestamp(required=True)


def present(kept: Kept) -> dict[str, Any]:
    """Return a recommendation as callers are shown it."""
    recommendation, draft = kept.recommendation, kept.recommendation.draft
    return {
        "id": recommendation.id,
        "version": kept.version,
        "status": recommendation.status,
        "title": draft.title,
        "text": draft.text,
        "forum_id": draft.forum_id,
        "organization_id": draft.organization_id,
        "stakeholder_category": draft.stakeholder_category,
        "addressed_to": draft.addressed_to,
        "drafted_at": recommendation.drafted_at,
    }
