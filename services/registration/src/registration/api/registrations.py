"""Registrations: applying for a seat, looking at a registration, giving a seat back."""

from collections.abc import Callable
from typing import Any, Final

from marshmallow import Schema, fields, validate

from registration.admission_queue import Admitted
from registration.api.schemas import (
    ApplicationSchema,
    ReceiptSchema,
    RegistrationSchema,
    first_receipt,
    presented,
    receipt,
)
from registration.api.services import services
from registration.domain.applications import Affiliation, RegistrationForm
from registration.domain.categories import ACTIVE, CancelledBy, RegistrationStatus, StakeholderCategory
from registration.domain.refusals import (
    AlreadyRegisteredError,
    ForumUnknownError,
    RegistrationClosedError,
    TooBusyError,
    UndecidedError,
    WaitlistFullError,
)
from registration.store.drafting import Draft
from registration.store.organizations import UnknownOrganizationError
from registration.store.registrations import Document
from vetika_kit.http.access import Role, access, principal
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.idempotency import (
    answer_again,
    idempotent,
    idempotent_by_effect,
    request_fingerprint,
    request_id_for,
)
from vetika_kit.http.pages import PageQuery, page, page_of
from vetika_kit.http.preconditions import set_etag
from vetika_kit.http.problems import Problem, conflict, documented_problems, invalid, not_found
from vetika_kit.tracing import current_traceparent

blueprint = Blueprint("registrations", __name__, description="Seats at forums, and who has them")

MANAGE_KEY: Final = "Manage-Key"


class RegistrationQuery(PageQuery):
    """Which registrations to list."""

    status = fields.Enum(RegistrationStatus, by_value=True, load_default=None)
    stakeholder_category = fields.Enum(StakeholderCategory, by_value=True, load_default=None)


class ManageKeySchema(Schema):
    """What opens a registration to its owner."""

    manage_key = fields.String(
        data_key=MANAGE_KEY,
        load_default=None,
        validate=validate.Length(max=64),
        metadata={"description": "The key in the manage link that was sent to the person."},
    )


@blueprint.route("/v1/forums/<forum_id>/registrations", methods=["POST"])
@access(Role.PUBLIC)
@idempotent_by_effect
@blueprint.arguments(ApplicationSchema)
@blueprint.response(201, ReceiptSchema)
@documented_problems(404, 409, 503)
def register(form: RegistrationForm, *, forum_id: str) -> dict[str, Any]:
    """Apply for a seat; the answer says whether it is confirmed or waitlisted, and the place in line."""
    draft = Draft(
        registration_id=request_id_for("registration"),
        forum_id=forum_id,
        form=form,
        affiliation=_affiliation(form),
        fingerprint=request_fingerprint(),
        traceparent=current_traceparent(),
    )
    admitted = as_problems(lambda: services().admissions.admit(draft), forum_id=forum_id)
    if not admitted.new:
        answer_again(kept=admitted.registration["answered"]["fingerprint"])
    given = first_receipt(admitted.registration, place=admitted.place)
    set_etag(given["version"])
    return given


@blueprint.route("/v1/forums/<forum_id>/registrations", methods=["GET"])
@access(Role.SECRETARIAT)
@blueprint.arguments(RegistrationQuery, location="query")
@blueprint.response(200, page_of(RegistrationSchema))
@documented_problems(404)
def list_registrations(query: dict[str, Any], *, forum_id: str) -> dict[str, Any]:
    """List a forum's registrations."""
    if not services().ledgers.exists(forum_id):
        raise not_found("forum", forum_id)
    line = services().ledgers.line(forum_id)
    registrations = services().registrations
    return page(
        registrations.collection,
        registrations.listing(forum_id, status=query["status"], category=query["stakeholder_category"]),
        query=query,
        present=lambda document: presented(document, place=line.get(document["ticket"])),
        projection={"outbox": False},
    )


@blueprint.route("/v1/registrations/<registration_id>", methods=["GET"])
@access(Role.PUBLIC)
@blueprint.arguments(ManageKeySchema, location="headers")
@blueprint.response(200, RegistrationSchema)
@documented_problems(404)
def show_registration(headers: dict[str, Any], *, registration_id: str) -> dict[str, Any]:
    """Show a registration to its owner, who sends the key from their link, or to the secretariat."""
    found = _opened(registration_id, headers["manage_key"])
    set_etag(found["version"])
    return presented(found, place=_place(found))


@blueprint.route("/v1/registrations/<registration_id>/cancellation", methods=["POST"])
@access(Role.PUBLIC)
@idempotent
@blueprint.arguments(ManageKeySchema, location="headers")
@blueprint.response(200, ReceiptSchema)
@documented_problems(404)
def cancel_registration(headers: dict[str, Any], *, registration_id: str) -> dict[str, Any]:
    """Give the seat or the place in line back; the first in line moves up at once. Again changes nothing."""
    found = _opened(registration_id, headers["manage_key"])
    if found["status"] in ACTIVE:
        by = CancelledBy.SECRETARIAT if _is_secretariat() else CancelledBy.PARTICIPANT
        found = services().settlement.cancel(found, by=by)
    set_etag(found["version"])
    return receipt(found, place=None)


def as_problems(admit: Callable[[], Admitted], *, forum_id: str) -> Admitted:
    """Return the answer to an application, or raise what keeps it from being admitted as a problem."""
    try:
        return admit()
    except AlreadyRegisteredError as error:
        # The same words for everybody. Only the secretariat is told which registration it is.
        which = f" It is {error.reference}." if _is_secretariat() and error.reference else ""
        raise conflict(
            "already-registered",
            f"Somebody with this e-mail address or telephone number is registered for this forum.{which}",
        ) from None
    except ForumUnknownError:
        raise not_found("forum", forum_id) from None
    except RegistrationClosedError:
        raise conflict("registration-closed", "The forum takes no registrations now.") from None
    except WaitlistFullError:
        raise conflict("waitlist-full", "So many people wait that nobody may join the line.") from None
    except TooBusyError:
        raise busy() from None
    except UndecidedError:
        raise Problem(
            503,
            "undecided",
            "The answer took too long. Send the same request with the same Idempotency-Key to learn it.",
            headers={"Retry-After": "5"},
        ) from None


def busy() -> Problem:
    """Return the 503 of a full queue."""
    return Problem(
        503,
        "too-busy",
        "More people apply at this moment than can be answered; nothing was changed.",
        headers={"Retry-After": "2"},
    )


def _affiliation(form: RegistrationForm) -> Affiliation:
    try:
        return services().directory.affiliation(form.organization)
    except UnknownOrganizationError:
        raise invalid({"pointer": "/organization_id", "detail": "No member has this id."}) from None


def _is_secretariat() -> bool:
    return Role.SECRETARIAT in principal().roles


def _opened(registration_id: str, key: str | None) -> Document:
    if _is_secretariat():
        found = services().registrations.get(registration_id)
    elif key is None:
        raise Problem(
            401,
            "manage-key-missing",
            f"This needs the {MANAGE_KEY} of the registration, or the secretariat's token.",
            headers={"WWW-Authenticate": 'Bearer realm="vetika"'},
        )
    else:
        found = services().opened_by_key(registration_id, key)
    if found is None:
        raise not_found("registration", registration_id)
    return found


def _place(document: Document) -> int | None:
    if document["status"] != RegistrationStatus.WAITLISTED:
        return None
    return services().ledgers.place_in_line(document["forum_id"], document["ticket"])
