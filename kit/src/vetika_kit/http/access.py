"""Who may call: every route declares it, and the application does not start when one does not."""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from flask import Flask, g, request

from vetika_kit.http.context import current_runtime
from vetika_kit.http.principals import ANONYMOUS, Principal, Role
from vetika_kit.http.problems import Problem

__all__ = ["Principal", "Role", "access", "open_to_all", "principal", "undeclared_routes"]

P = ParamSpec("P")
R = TypeVar("R")

ROLES: Final = "vetika_roles"  # a view's attribute: who may call it
IDEMPOTENT: Final = "vetika_idempotent"  # a view's attribute, set by `vetika_kit.http.idempotency`
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="vetika"'}
_SCHEME: Final = "bearer "


def access(*roles: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare who may call a view; stands directly below ``@blueprint.route``.

    With `Role.PUBLIC` no token is needed, but one that is sent counts: a good one sets the principal, a bad
    one is refused rather than taken for nobody.
    """
    if not roles:
        raise TypeError("access() needs at least one role")
    allowed = frozenset(roles)

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            _authorize(allowed)
            return view(*args, **kwargs)

        setattr(guarded, ROLES, allowed)
        return guarded

    return decorate


def open_to_all(view: Callable[P, R]) -> Callable[P, R]:
    """Declare a view public without looking at tokens: probes must answer whatever they are sent."""
    setattr(view, ROLES, frozenset({Role.PUBLIC}))
    return view


def principal() -> Principal:
    """Return who calls; anonymous when no token was sent."""
    found: Principal = g.get("vetika_principal", ANONYMOUS)
    return found


def _authorize(allowed: frozenset[Role]) -> None:
    header = request.environ.get("HTTP_AUTHORIZATION")
    if header is None:
        if Role.PUBLIC in allowed:
            return
        raise Problem(401, "token-missing", "This needs a Bearer token.", headers=_CHALLENGE)
    if header[: len(_SCHEME)].lower() != _SCHEME:
        raise Problem(401, "token-invalid", "Only Bearer tokens are accepted.", headers=_CHALLENGE)
    caller = current_runtime().tokens.verify(header[len(_SCHEME) :].strip())
    if caller is None:
        raise Problem(
            401,
            "token-invalid",
            "The token is malformed, expired, meant for others or signed with a key that is not accepted.",
            headers={"WWW-Authenticate": _CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'},
        )
    if Role.PUBLIC not in allowed and not caller.roles & allowed:
        raise Problem(403, "role-missing", f"This is for: {', '.join(sorted(allowed))}.")
    g.vetika_principal = caller


def undeclared_routes(app: Flask) -> list[str]:
    """List the routes that do not say who may call them, and the POST routes without ``@idempotent``."""
    complaints = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not hasattr(view, ROLES):
            complaints.append(f"{'/'.join(sorted(methods))} {rule.rule}: no @access")
        if "POST" in methods and not hasattr(view, IDEMPOTENT):
            complaints.append(f"POST {rule.rule}: no @idempotent")
    return sorted(complaints)
