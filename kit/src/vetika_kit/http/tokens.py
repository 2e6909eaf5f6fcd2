"""Bearer tokens: JWTs signed with ES256 or EdDSA, checked against a JSON Web Key Set.

Claims: ``iss``, ``aud``, ``sub``, ``iat``, ``exp``, ``nbf`` (optional), ``roles`` (list), ``org`` (the
organization that a representative acts for). Any OIDC issuer that can put these into its tokens can take
the place of Vetika's own.
"""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from vetika_kit.clock import Clock
from vetika_kit.config import ConfigurationError, Mode, ServiceConfig
from vetika_kit.http.principals import Principal, Role
from vetika_kit.ids import new_id

LEEWAY: Final = timedelta(seconds=30)  # between the clocks of an issuer and of a service
EMBEDDED_PREFIX: Final = "embedded-"  # ids of keys that an embedded run made for itself
_ALGORITHMS: Final = ("ES256", "EdDSA")
_LOOK_AGAIN: Final = 1.0  # seconds between looks at the key file
_CACHED: Final = 1024  # verified tokens kept; checking a signature costs 0.1 ms, looking one up 2 µs
_LONGEST: Final = 4096  # characters of a token
_logger: Final = logging.getLogger(__name__)

PrivateKey = Mapping[str, Any]  # a private JSON Web Key


def new_private_key(*, kid: str, algorithm: str = "EdDSA") -> dict[str, Any]:
    """Make a signing key as a private JSON Web Key (``EdDSA`` or ``ES256``)."""
    match algorithm:
        case "EdDSA":
            key = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)
        case "ES256":
            key = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
        case _:
            raise ValueError(f"algorithm must be one of {', '.join(_ALGORITHMS)}")
    return {**key, "kid": kid, "alg": algorithm, "use": "sig"}


def public_key_set(*keys: PrivateKey) -> dict[str, Any]:
    """Return the JSON Web Key Set with the public halves: what ``VETIKA_JWKS_FILE`` holds."""
    public = ("kty", "crv", "x", "y", "kid", "alg", "use")
    return {"keys": [{name: key[name] for name in public if name in key} for key in keys]}


def issue(
    *,
    key: PrivateKey,
    subject: str,
    roles: Collection[Role],
    issuer: str,
    audience: str,
    now: datetime,
    lifetime: timedelta,
    organization_id: str | None = None,
) -> str:
    """Sign a token.

    Args:
        key: A private JSON Web Key, see `new_private_key`.
        subject: Who it is for; no personal data, since subjects are logged.
        roles: What they may be.
        issuer: ``iss``; what the services' ``VETIKA_TOKEN_ISSUER`` says.
        audience: ``aud``; what the services' ``VETIKA_TOKEN_AUDIENCE`` says.
        now: The present moment.
        lifetime: How long it is good for.
        organization_id: The organization that an organization representative acts for.
    """
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "jti": new_id(),
        "roles": sorted(roles),
    }
    if organization_id is not None:
        claims["org"] = organization_id
    return jwt.encode(claims, jwt.PyJWK(dict(key)), headers={"kid": key["kid"]})


@dataclass(frozen=True, slots=True)
class _Verified:
    principal: Principal
    good_from: float  # seconds since the epoch
    good_until: float


@dataclass(frozen=True, slots=True)
class _KeySet:
    """The keys of one state of the file, and the tokens verified with them."""

    stamp: tuple[int, int, int] | None
    keys: Mapping[str, jwt.PyJWK]
    verified: dict[bytes, _Verified] = field(default_factory=dict)


class TokenVerifier:
    """Checks tokens against the keys in a file, which is read again when it changes.

    Thread-safe: a reload replaces the key set as a whole, and with it every token that it had vouched for.
    """

    def __init__(self, *, config: ServiceConfig, clock: Clock) -> None:
        """Read the keys.

        Raises:
            ConfigurationError: The file cannot be read, or holds a key of an embedded run in hosted mode.
        """
        self._path = Path(config.jwks_file)
        self._hosted = config.mode is Mode.HOSTED
        self._issuer = config.token_issuer
        self._audience = config.token_audience
        self._clock = clock
        self._reloading = threading.Lock()
        self._looked_at = time.monotonic()
        stamp = self._stamp()
        try:
            keys = self._read()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"VETIKA_JWKS_FILE cannot be used: {error}") from error
        if self._hosted and any(kid.startswith(EMBEDDED_PREFIX) for kid in keys):
            raise ConfigurationError(
                "VETIKA_JWKS_FILE holds a key of an embedded run, which a hosted one refuses"
            )
        self._current = _KeySet(stamp=stamp, keys=keys)

    def verify(self, token: str) -> Principal | None:
        """Return who the token is for; None when it is not to be trusted now, for whatever reason."""
        if len(token) > _LONGEST:
            return None
        key_set = self._key_set()
        digest = hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=16).digest()
        verified = key_set.verified.get(digest)
        if verified is None:
            verified = self._checked(token, key_set)
            if verified is None:
                return None
            if len(key_set.verified) >= _CACHED:
                key_set.verified.clear()
            key_set.verified[digest] = verified
        now = self._clock.now().timestamp()
        return verified.principal if verified.good_from <= now < verified.good_until else None

    def _checked(self, token: str, key_set: _KeySet) -> _Verified | None:
        try:
            key = key_set.keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key=key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                # Times are judged by our own clock at every use, since what was verified is kept.
                options={
                    "require": ["sub", "iat", "exp"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            leeway = LEEWAY.total_seconds()
            return _Verified(
                principal=_principal(claims),
                good_from=max(float(claims["iat"]), float(claims.get("nbf", 0))) - leeway,
                good_until=float(claims["exp"]) + leeway,
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            return None

    def _key_set(self) -> _KeySet:
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_AGAIN and self._reloading.acquire(blocking=False):
            try:
                self._looked_at = now
                stamp = self._stamp()
                if stamp != self._current.stamp:
                    self._reload(stamp)
            finally:
                self._reloading.release()
        return self._current

    def _reload(self, stamp: tuple[int, int, int] | None) -> None:
        try:
            keys = self._read()
        except (OSError, ValueError):
            _logger.exception("the key set cannot be read; the former keys stay in force")
            return
        if self._hosted:
            refused = [kid for kid in keys if kid.startswith(EMBEDDED_PREFIX)]
            if refused:
                _logger.error("keys of an embedded run are refused", extra={"kids": refused})
            keys = {kid: key for kid, key in keys.items() if kid not in refused}
        self._current = _KeySet(stamp=stamp, keys=keys)

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> dict[str, jwt.PyJWK]:
        document = json.loads(self._path.read_text(encoding="utf-8"))
        keys: dict[str, jwt.PyJWK] = {}
        if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
            raise ValueError("not a JSON Web Key Set")  # noqa: TRY004 - of a file's content
        for entry in document["keys"]:
            kid = entry.get("kid")
            if not isinstance(kid, str) or entry.get("use", "sig") != "sig":
                continue  # an issuer may publish other keys beside those that it signs with
            try:
                key = jwt.PyJWK(entry)
            except jwt.PyJWTError:
                continue
            if key.algorithm_name in _ALGORITHMS:
                keys[kid] = key
        return keys


def _principal(claims: Mapping[str, Any]) -> Principal:
    roles = claims.get("roles", [])
    organization = claims.get("org")
    if not isinstance(roles, list) or not (organization is None or isinstance(organization, str)):
        raise TypeError("roles must be a list and org a text")
    known = frozenset(Role(role) for role in roles if role in Role.__members__.values())
    return Principal(subject=str(claims["sub"]), roles=known | {Role.PUBLIC}, organization_id=organization)
