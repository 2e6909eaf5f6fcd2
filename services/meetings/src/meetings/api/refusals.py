"""What the rules refuse, as problem answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from meetings.domain.errors import BadPlanError, NotTheHostError, RefusedError, UnknownForumError
from vetika_kit.http.problems import Problem, conflict, invalid, not_found


@contextmanager
def refusals_as_problems() -> Iterator[None]:
    """Turn the rules' refusals into problems; made to decorate a view, next to its function."""
    try:
        yield
    except BadPlanError as error:
        faults = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.faults]
        raise invalid(*faults, detail="The plan breaks a rule.") from error
    except RefusedError as error:
        raise conflict(error.slug, error.detail) from error
    except UnknownForumError as error:
        raise not_found("forum", str(error)) from error
    except NotTheHostError as error:
        raise Problem(403, "not-the-host", "Only its host and the secretariat run a forum.") from error
