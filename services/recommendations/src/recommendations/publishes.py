"""What recommendations tells everybody."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from vetika_kit.events import EventSchema, publishes


class Localized(Schema):
    """Text by language; at least one of the two."""

    en = fields.String(metadata={"description": "In English."})
    km = fields.String(metadata={"description": "In Khmer."})

    @validates_schema
    def _says_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Text in `en`, `km` or both is needed.")


@publishes(
    "recommendation.drafted.v1",
    example={
        "recommendation_id": "01981d2f-0b00-7e44-b1f0-6a3d9c2e5a10",
        "version": 1,
        "forum_id": "01981d2e-6f00-7c11-8a55-2f4be0c1d9a7",
        "title": {
            "en": "Reserve a share of commune funds for women's priorities",
            "km": "បម្រុងទុកចំណែកនៃមូលនិធិឃុំសម្រាប់អាទិភាពរបស់ស្ត្រី",
        },
        "organization_id": "01981d2e-1a00-7b02-9c40-5d5c1e0f7a31",
    },
)
class RecommendationDrafted(EventSchema):
    """A recommendation was written down; it is not agreed on yet."""

    recommendation_id = fields.String(required=True)
    version = fields.Integer(
        required=True,
        metadata={"description": "Rises with every change; of two events the higher one counts."},
    )
    forum_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The forum that it came out of, as meetings named it; null: none."},
    )
    title = fields.Nested(Localized, required=True)
    organization_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The organization that wrote it down; null: the secretariat."},
    )
