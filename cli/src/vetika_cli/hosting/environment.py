"""An organization's `.env`: what its compose file leaves to be said."""

from typing import Final

from vetika_cli.hosting.coalition import Coalition, Organization

MAIL_USER: Final = "VETIKA_SMTP_USERNAME"
_HEAD: Final = """\
# Written by `./vetika hosting render`: change `settings` of {name} in the hosting file instead.
# .env.example of Vetika explains every setting. It holds no secret.
"""


def environment_of(coalition: Coalition, *, organization: Organization) -> str:
    """Return the text of the file; what the hosting file says goes before what follows from it."""
    settings = {
        "VETIKA_SECRETS": "./secrets",
        "VETIKA_COALITION": coalition.name,
        "COMPOSE_PROFILES": "try-out" if organization.sandbox else "",
        "VETIKA_URL": public_url(organization),
    }
    if "notifications" in organization.services:
        settings["VETIKA_REGISTRATION_URL"] = f"{public_url(coalition.host_of('registration'))}/registration"
        if not organization.sandbox:
            settings["VETIKA_SMS_URL"] = ""  # none: no SMS is sent
    if not organization.sandbox:
        settings |= {"VETIKA_BIND": "0.0.0.0", "VETIKA_PORT": "80", "VETIKA_TLS_PORT": "443"}  # noqa: S104 - the world's way in
    settings |= organization.settings
    lines = (f"{name}='{value}'" if value else f"{name}=" for name, value in settings.items())
    return "\n".join([_HEAD.format(name=organization.name).rstrip(), *lines, ""])


def overlays_for(organization: Organization) -> list[str]:
    """Return the compose files of `deploy/compose/` that an organization's settings ask for."""
    if organization.sandbox:
        return []
    mail = "notifications" in organization.services and MAIL_USER in organization.settings
    return ["tls", "mail"] if mail else ["tls"]


def public_url(organization: Organization) -> str:
    """Return the address under which people reach an organization's services."""
    otherwise = (
        f"http://{organization.address}:8080" if organization.sandbox else f"https://{organization.address}"
    )
    return organization.settings.get("VETIKA_URL", otherwise)
