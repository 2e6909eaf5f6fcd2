"""`vetika token`."""

import argparse
from datetime import timedelta

from vetika_cli.errors import UserError
from vetika_cli.installation import Installation
from vetika_cli.keys import Keys, private_key, signed


def token(arguments: argparse.Namespace) -> int:
    """Print a token and nothing else, so that it can be put into a variable."""
    if "organization" in arguments.role and not arguments.organization:
        raise UserError("The role `organization` acts for one: name it with --organization ID.")
    if not 0 < arguments.hours <= 24 * 366:
        raise UserError("--hours must be more than 0 and at most a year.")
    lifetime = timedelta(hours=arguments.hours)
    if arguments.key is not None:
        print(
            signed(
                private_key(arguments.key),
                roles=arguments.role,
                subject=arguments.subject or "-".join(sorted(arguments.role)),
                organization_id=arguments.organization,
                lifetime=lifetime,
            )
        )
        return 0
    print(
        Keys(Installation.current()).token(
            roles=arguments.role,
            subject=arguments.subject,
            organization_id=arguments.organization,
            lifetime=lifetime,
        )
    )
    return 0
