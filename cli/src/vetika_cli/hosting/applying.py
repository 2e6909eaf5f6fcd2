"""Making a cluster's users and rights as a file of rights says: nothing more, nothing less.

Only users whose names begin with the coalition's name and a dot are looked at, so coalitions can share a
cluster. Revoking comes first, and rights before the user: a connection that is open loses its rights at
once, while it would outlive its user.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import NoError

from vetika_cli.errors import UserError
from vetika_cli.hosting.rights import Rights, RightsFile
from vetika_cli.hosting.scram import Verifier

Say: TypeAlias = Callable[[str], None]
Alteration: TypeAlias = UserScramCredentialDeletion | UserScramCredentialUpsertion


@dataclass(frozen=True, kw_only=True, order=True)
class Right:
    """One thing that a user may do."""

    user: str
    operation: str
    kind: str
    name: str
    pattern: str = "LITERAL"
    host: str = "*"  # where a user comes from is the network's business
    permission: str = "ALLOW"

    def __str__(self) -> str:
        every = "*" if self.pattern == "PREFIXED" else ""
        odd = (
            "" if (self.host, self.permission) == ("*", "ALLOW") else f" ({self.permission} from {self.host})"
        )
        return f"{self.user}  {self.operation} {self.kind} {self.name}{every}{odd}"


def bring_about(
    rights: RightsFile, *, verifiers: Mapping[str, Verifier], admin: KafkaAdminClient, say: Say
) -> int:
    """Make the cluster as the file says; return how many things had to change.

    Raises:
        UserError: A user has no verifier (nothing was changed), or Kafka refuses.
    """
    wanted = {one.user for one in rights.users}
    if missing := sorted(wanted - set(verifiers)):
        raise UserError(f"There is no verifier for {', '.join(missing)}: render the folder anew.")
    known = _known_users(admin, coalition=rights.coalition)
    before = _known_rights(admin, coalition=rights.coalition)
    after = {right for one in rights.users for right in _rights(one)}
    gone = sorted(set(known) - wanted)
    changed = sorted(
        user for user in wanted if user not in known or known[user] != verifiers[user].iterations
    )
    _revoke(admin, sorted(before - after), say=say)
    _alter(admin, [UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512) for user in gone])
    for user in gone:
        say(f"removed   user {user}")
    _alter(admin, [_Salted(user, verifiers[user]) for user in changed])
    for user in changed:
        say(f"password  user {user}" if user in known else f"made      user {user}")
    _allow(admin, sorted(after - before), say=say)
    return len(gone) + len(changed) + len(before ^ after)


class _Salted(UserScramCredentialUpsertion):  # type: ignore[misc] # kafka-python publishes no types
    """A user whose password is not known here: kafka-python's own would ask for it and salt it."""

    def __init__(self, user: str, verifier: Verifier) -> None:  # the fields that the client sends
        self.user = user
        self.mechanism = ScramMechanism.SCRAM_SHA_512
        self.iterations = verifier.iterations
        self.salt = verifier.salt
        self.salted_password = verifier.salted_password


def _rights(one: Rights) -> Iterator[Right]:
    # To write or to read includes to describe.
    yield from (Right(user=one.user, operation="WRITE", kind="TOPIC", name=topic) for topic in one.writes)
    yield from (Right(user=one.user, operation="READ", kind="TOPIC", name=topic) for topic in one.reads)
    if one.group is not None:
        yield Right(user=one.user, operation="READ", kind="GROUP", name=one.group)
    if one.group_prefix is not None:
        yield Right(user=one.user, operation="READ", kind="GROUP", name=one.group_prefix, pattern="PREFIXED")


def _known_users(admin: KafkaAdminClient, *, coalition: str) -> dict[str, int]:
    """Return the iterations by user; 0 of one who has other credentials than ours."""
    found = {}
    for user, told in admin.describe_user_scram_credentials().items():
        if user.startswith(f"{coalition}."):
            ours = [
                one["iterations"]
                for one in told["credential_infos"]
                if one["mechanism"] == ScramMechanism.SCRAM_SHA_512
            ]
            found[user] = ours[0] if ours else 0
    return found


def _known_rights(admin: KafkaAdminClient, *, coalition: str) -> set[Right]:
    every = ACLFilter(
        principal=None,
        host=None,
        operation=ACLOperation.ANY,
        permission_type=ACLPermissionType.ANY,
        resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
    )
    found, _ = admin.describe_acls(every)
    return {
        Right(
            user=acl.principal.removeprefix("User:"),
            operation=acl.operation.name,
            kind=acl.resource_pattern.resource_type.name,
            name=acl.resource_pattern.resource_name,
            pattern=acl.resource_pattern.pattern_type.name,
            host=acl.host,
            permission=acl.permission_type.name,
        )
        for acl in found
        if acl.principal.startswith(f"User:{coalition}.")
    }


def _acl(right: Right) -> ACL:
    return ACL(
        principal=f"User:{right.user}",
        host=right.host,
        operation=ACLOperation[right.operation],
        permission_type=ACLPermissionType[right.permission],
        resource_pattern=ResourcePattern(
            ResourceType[right.kind], right.name, ACLResourcePatternType[right.pattern]
        ),
    )


def _revoke(admin: KafkaAdminClient, rights: Sequence[Right], *, say: Say) -> None:
    if not rights:
        return
    for right, (_, _, error) in zip(rights, admin.delete_acls([_acl(one) for one in rights]), strict=True):
        if error is not NoError:
            raise UserError(f"Kafka did not take this right away ({error.__name__}): {right}.")
        say(f"took      {right}")


def _allow(admin: KafkaAdminClient, rights: Sequence[Right], *, say: Say) -> None:
    if not rights:
        return
    failed = admin.create_acls([_acl(one) for one in rights])["failed"]
    if failed:
        raise UserError(f"Kafka did not give {len(failed)} of {len(rights)} rights ({failed[0].__name__}).")
    for right in rights:
        say(f"gave      {right}")


def _alter(admin: KafkaAdminClient, alterations: Sequence[Alteration]) -> None:
    if not alterations:
        return
    for user, error in admin.alter_user_scram_credentials(list(alterations)).items():
        if error is not None:
            raise UserError(f"Kafka did not change the user {user}: {error}.")
