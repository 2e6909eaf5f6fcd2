"""Who may do what in Kafka. It follows from the services' code and from whom the hosting file names.

A service may write its own topics, read those that its `consumes.py` reads, in its own group, and its own. A
partner may read the events topics that it was given, in groups that begin with its own name. Nobody
else may do anything: the cluster denies what is not allowed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import yaml

from vetika_cli.hosting.coalition import Coalition, Partner
from vetika_kit.topics import Topics

_HEAD: Final = """\
# Who may do what in Kafka; everything else is refused. Written by `./vetika hosting render` from the
# services' publishes.py and consumes.py and from the hosting file: change it there. It holds no secret.
# The job kafka-rights (`vetika hosting apply`) makes the cluster so.
"""


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What one user may do."""

    user: str
    writes: Sequence[str] = ()  # topics; an idempotent producer needs no right beyond that
    reads: Sequence[str] = ()  # topics
    group: str | None = None  # the consumer group of a service
    group_prefix: str | None = None  # what a partner's groups begin with
    administrator: bool = False  # may do everything, by the broker's own settings


@dataclass(frozen=True, kw_only=True)
class RightsFile:
    """The rights of one coalition; users whose names begin with its name and a dot are its own."""

    coalition: str
    users: Sequence[Rights]

    def to_yaml(self) -> str:
        """Return the text of the file that people read and `apply` brings about."""
        users = {one.user: _shown(one) for one in sorted(self.users, key=lambda one: one.user)}
        whole = {"coalition": self.coalition, "users": users}
        return _HEAD + yaml.safe_dump(whole, sort_keys=False, width=110, default_flow_style=False)

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read what `to_yaml` wrote; ValueError for anything else."""
        try:
            document = yaml.safe_load(text)
            users = tuple(
                Rights(
                    user=user,
                    writes=tuple(what.pop("writes", ())),
                    reads=tuple(what.pop("reads", ())),
                    **what,
                )
                for user, what in document["users"].items()
            )
            return cls(coalition=document["coalition"], users=users)
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"is no file of rights ({' '.join(str(error).split())})") from error


def rights_of(coalition: Coalition, *, overview: Mapping[str, Any]) -> RightsFile:
    """Return the rights of everybody in a coalition.

    Args:
        coalition: Who hosts what, and who partners are.
        overview: Every topic with its producers, consumers and groups, as `contracts/topics.yaml` has it.
    """
    users = [_service(coalition, service, overview) for service in _hosted(coalition)]
    users += [_partner(coalition, partner) for partner in coalition.partners]
    if coalition.administrator is not None:
        users.append(Rights(user=coalition.administrator, administrator=True))
    return RightsFile(coalition=coalition.name, users=tuple(sorted(users, key=lambda one: one.user)))


def _hosted(coalition: Coalition) -> Iterator[str]:
    for organization in coalition.organizations:
        yield from organization.services


def _service(coalition: Coalition, service: str, overview: Mapping[str, Any]) -> Rights:
    def named(text: str) -> str:
        return text.replace("{coalition}", coalition.name)

    topics = overview["topics"].items()
    groups = {named(one["consumers"][service]) for _, one in topics if service in one["consumers"]}
    return Rights(
        user=coalition.user_of_service(service),
        writes=tuple(sorted(named(topic) for topic, one in topics if service in one["producers"])),
        # Its own too: a restore takes back from there what a backup lacks.
        reads=tuple(
            sorted(named(topic) for topic, one in topics if service in {*one["consumers"], *one["producers"]})
        ),
        group=next(iter(groups), None),
    )


def _partner(coalition: Coalition, partner: Partner) -> Rights:
    names = Topics(coalition=coalition.name)
    return Rights(
        user=coalition.user_of_partner(partner),
        reads=tuple(sorted(names.events(service) for service in partner.topics)),
        group_prefix=partner.group_prefix,
    )


def _shown(rights: Rights) -> dict[str, Any]:
    if rights.administrator:
        return {"administrator": True}
    shown: dict[str, Any] = {"writes": list(rights.writes), "reads": list(rights.reads)}
    shown |= {"group": rights.group, "group_prefix": rights.group_prefix}
    return {name: value for name, value in shown.items() if value}
