"""What people find in the folders: the compose file, a page for each operator and one for each partner."""

from collections.abc import Mapping
from typing import Any, Final

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from vetika_cli.hosting.coalition import Certificates, Coalition, Organization, Partner
from vetika_cli.hosting.environment import public_url
from vetika_cli.hosting.scram import MECHANISM
from vetika_kit.topics import Topics

_COMPOSE_HEAD: Final = """\
# Written by `./vetika hosting render` from docker-compose.yml and the hosting file of the coalition {name}:
# change it there. What is this machine's own goes into compose.override.yml beside it.
"""


def compose(document: Mapping[str, Any], *, coalition: Coalition) -> str:
    """Return the text of an organization's compose file."""
    text = yaml.dump(document, Dumper=_PlainDumper, sort_keys=False, width=110, allow_unicode=True)
    return _COMPOSE_HEAD.format(name=coalition.name) + text


def operator(coalition: Coalition, *, organization: Organization) -> str:
    """Return the page for who operates an organization's part."""
    return _rendered(
        "operator.md",
        coalition=coalition,
        organization=organization,
        url=public_url(organization),
        hosts_kafka=coalition.kafka_host == organization,
        own_certificates=organization.certificates is Certificates.OWN,
        others=[one for one in coalition.organizations if one != organization],
        users=[(service, coalition.user_of_service(service)) for service in organization.services],
    )


def partner(coalition: Coalition, *, partner: Partner, trusted: bool) -> str:
    """Return the page for a partner; `trusted` tells that an authority's certificate lies beside it."""
    topics = Topics(coalition=coalition.name)
    return _rendered(
        "partner.md",
        coalition=coalition,
        partner=partner,
        user=coalition.user_of_partner(partner),
        topics=[(service, topics.events(service)) for service in partner.topics],
        mechanism=MECHANISM,
        trusted=trusted,
    )


def _rendered(template: str, **values: object) -> str:
    environment = Environment(
        loader=PackageLoader("vetika_cli.hosting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown from a checked file, no HTML
    )
    return environment.get_template(template).render(**values)


class _PlainDumper(yaml.SafeDumper):
    """Writes what occurs twice twice: anchors of generated names tell a reader nothing."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True
