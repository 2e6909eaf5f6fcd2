"""People: the right to be forgotten."""

from registration.api.services import services
from vetika_kit.http.access import Role, access
from vetika_kit.http.blueprint import Blueprint
from vetika_kit.http.problems import documented_problems, not_found

blueprint = Blueprint("people", __name__, description="People and their right to be forgotten")


@blueprint.route("/v1/people/<person_id>", methods=["DELETE"])
@access(Role.SECRETARIAT)
@blueprint.response(204)
@documented_problems(404)
def erase_person(person_id: str) -> None:
    """Forget a person: registrations lose their name, statistics stay. Again changes nothing."""
    if not services().erasing.erase(person_id):
        raise not_found("person", person_id)
