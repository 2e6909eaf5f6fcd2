"""The keys and secrets of one installation: made once, readable by their owner alone.

The signing key's id begins with `embedded-`: services in hosted mode refuse such keys.
"""

import json
import secrets
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vetika_cli.errors import UserError
from vetika_cli.installation import Installation
from vetika_cli.whole_files import write_whole
from vetika_kit.http.principals import Role
from vetika_kit.http.tokens import EMBEDDED_PREFIX, issue, new_private_key, public_key_set

ISSUER = "vetika"
AUDIENCE = "vetika"


class Keys:
    """Files in the installation's `secrets/`."""

    def __init__(self, installation: Installation) -> None:
        self._folder = installation.secrets
        self.signing_key = self._folder / "signing-key.json"  # a private JSON Web Key, ES256
        self.key_set = self._folder / "jwks.json"  # its public half, for every service
        self.manage_secret = self._folder / "manage-secret"  # what manage links are derived from
        self.sms_account = self._folder / "sms-account"  # the account's id at the phone sandbox
        self.sms_token = self._folder / "sms-token"  # its token there; also signs the callbacks

    def ensure(self) -> None:
        """Make what is missing; what is there stays, so that tokens and links outlive a restart."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        if not self.signing_key.exists():
            kid = f"{EMBEDDED_PREFIX}{secrets.token_hex(6)}"
            write_whole(self.signing_key, json.dumps(new_private_key(kid=kid, algorithm="ES256")))
            self.key_set.unlink(missing_ok=True)
        if not self.key_set.exists():
            write_whole(self.key_set, json.dumps(public_key_set(self._private())))
        for path, value in (
            (self.manage_secret, secrets.token_urlsafe(32)),
            (self.sms_account, f"AC{secrets.token_hex(16)}"),
            (self.sms_token, secrets.token_hex(16)),
        ):
            if not path.exists():
                write_whole(path, value)

    def token(
        self,
        *,
        roles: Collection[str],
        subject: str | None = None,
        organization_id: str | None = None,
        lifetime: timedelta = timedelta(hours=12),
    ) -> str:
        """Sign an access token; `subject` holds no personal data. UserError before the first `up`."""
        if not self.signing_key.exists():
            raise UserError(f"There are no keys in {self._folder}: run `./vetika up` first.")
        return signed(
            self._private(),
            roles=roles,
            subject=subject or f"embedded-{'-'.join(sorted(roles))}",
            organization_id=organization_id,
            lifetime=lifetime,
        )

    def _private(self) -> dict[str, Any]:
        return private_key(self.signing_key)


def private_key(path: Path) -> dict[str, Any]:
    """Read a private JSON Web Key. UserError when there is none."""
    try:
        key: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} holds no signing key: `./vetika secrets` makes one.") from error
    return key


def signed(
    key: dict[str, Any],
    *,
    roles: Collection[str],
    subject: str,
    organization_id: str | None = None,
    lifetime: timedelta = timedelta(hours=12),
) -> str:
    """Sign an access token with a private JSON Web Key; `subject` holds no personal data."""
    return issue(
        key=key,
        subject=subject,
        roles=[Role(role) for role in roles],
        issuer=ISSUER,
        audience=AUDIENCE,
        now=datetime.now(UTC),
        lifetime=lifetime,
        organization_id=organization_id,
    )
