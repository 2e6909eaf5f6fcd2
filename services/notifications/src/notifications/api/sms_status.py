"""Where the SMS provider reports what became of a message."""

import logging
from typing import Any

from flask import request
from marshmallow import EXCLUDE, Schema, fields, validate

from notifications import metrics
from notifications.api.schemas import SmsStatusQuery
from notifications.api.services import services
from notifications.courier import callback_url
from notifications.domain.delivery import Channel, Report, Reported, reported
from notifications.gateways.sms_http import REPORTS, code_of, is_signed
from notifications.store.deliveries import standing
from vetika_kit.http.access import Role, access
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.idempotency import idempotent
from vetika_kit.http.problems import Problem, documented_problems, not_found
from vetika_kit.outbox import StaleVersionError

logger = logging.getLogger(__name__)

blueprint = Blueprint("sms_status", __name__, description="Reports of the SMS provider")

_TRIES = 5  # when others change the delivery at the same time


class SmsStatusSchema(Schema):
    """The fields of a report that matter here; the provider sends more, and may add any."""

    class Meta:
        """Tolerant, as the provider's documentation asks."""

        unknown = EXCLUDE

    MessageSid = fields.String(required=True, validate=validate.Length(min=1, max=64))
    MessageStatus = fields.String(required=True, validate=validate.Length(min=1, max=32))
    ErrorCode = fields.String(load_default=None, validate=validate.Length(max=16))


@blueprint.route("/v1/sms-status/<delivery_id>", methods=["POST"])
@access(Role.PUBLIC)
@idempotent
@blueprint.arguments(SmsStatusQuery, location="query")
@blueprint.arguments(SmsStatusSchema, location="form")
@blueprint.response(204)
@documented_problems(403, 404)
def take_report(query: dict[str, Any], report: dict[str, Any], *, delivery_id: str) -> None:
    """Take a status callback of the SMS provider, signed as Twilio signs (`X-Twilio-Signature`).

    A report moves a delivery on and never back; one that says nothing new is taken and ignored.
    """
    _check_signature(callback_url(services().public_url, delivery_id, attempt=query["attempt"]))
    known = REPORTS.get(report["MessageStatus"].lower())
    effect = _apply(delivery_id, known, attempt=query["attempt"], report=report)
    status = report["MessageStatus"].lower() if known else "(other)"
    metrics.SMS_REPORTS.labels(status=status, effect=effect).inc()


def _check_signature(url: str) -> None:
    """The provider signs the address that it was given, whatever a proxy made of it on the way here."""
    token = services().sms_token
    parameters = request.form.items(multi=True)
    given = request.headers.get("X-Twilio-Signature", "")
    if token is None or not is_signed(given, token=token, url=url, parameters=parameters):
        raise Problem(403, "bad-signature", "The signature is missing or wrong.")


def _apply(delivery_id: str, known: Reported | None, *, attempt: int, report: dict[str, Any]) -> str:
    for _ in range(_TRIES):
        seen = services().deliveries.get(delivery_id)
        if seen is None or seen["channel"] != Channel.SMS:
            raise not_found("delivery", delivery_id)
        if known is None:
            return "ignored"
        step = reported(
            Report(
                says=known,
                provider_id=report["MessageSid"],
                attempt=attempt,
                code=code_of(report["ErrorCode"]),
            ),
            standing=standing(seen),
            now=services().clock.now(),
        )
        if step is None:
            return "ignored"
        try:
            services().deliveries.apply(seen, step)
        except StaleVersionError:
            continue
        return step.state
    raise Problem(503, "busy", "The delivery is being changed.", headers={"Retry-After": "1"})
