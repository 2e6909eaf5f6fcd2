"""Errors of a body, pointed to."""

import pytest
from marshmallow import Schema, ValidationError, fields

from vetika_kit.http.validation import invalid_fields


class PriceSchema(Schema):
    """Fields whose names are those of marshmallow's own words."""

    key = fields.Integer(required=True)
    value = fields.Integer(required=True)


class ShopSchema(Schema):
    """Every way in which fields lie in fields."""

    stock = fields.Dict(keys=fields.Integer(), values=fields.Integer())
    prices = fields.Dict(keys=fields.String(), values=fields.Nested(PriceSchema))
    price = fields.Nested(PriceSchema)
    offers = fields.List(fields.Nested(PriceSchema))
    more = fields.Nested(PriceSchema, many=True, data_key="further/offers")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"stock": {"apples": 1}}, "/stock/apples"),
        ({"stock": {"7": "many"}}, "/stock/7"),
        ({"stock": []}, "/stock"),
        ({"prices": {"apples": {"key": 1, "value": "high"}}}, "/prices/apples/value"),
        ({"price": {"key": "x", "value": 1}}, "/price/key"),
        ({"offers": [{"key": 1, "value": 1}, {"key": 1, "value": "x"}]}, "/offers/1/value"),
        ({"further/offers": [{"key": "x", "value": 1}]}, "/further~1offers/0/key"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_pointer_leads_to_what_is_wrong(body, pointer):
    """It names the caller's own fields and nothing else, wherever they lie."""
    schema = ShopSchema()
    with pytest.raises(ValidationError) as caught:
        schema.load(body)
    problem = invalid_fields(caught.value.messages, schema=schema)
    assert [error["pointer"] for error in problem.errors] == [pointer]
