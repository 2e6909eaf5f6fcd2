"""The overview of the topics: who owns each, who writes and reads it, and how it is kept."""

from typing import Any

from vetika_cli.contracts.asyncapi import topic_configuration
from vetika_cli.contracts.catalog import Catalog
from vetika_kit.topics import Stream, Topics

_TOPICS = Topics(coalition="{coalition}")


def overview(catalog: Catalog) -> dict[str, Any]:
    """Return what `topics.yaml` holds."""
    channels = sorted({(one.service, one.stream) for one in catalog.contracts()})
    return {"topics": {_TOPICS.of(*channel): _topic(*channel, catalog=catalog) for channel in channels}}


def _topic(owner: str, stream: Stream, *, catalog: Catalog) -> dict[str, Any]:
    spec = _TOPICS.spec(owner, stream)
    contracts = [one for one in catalog.contracts() if (one.service, one.stream) == (owner, stream)]
    consumers = {
        service.name
        for service in catalog.services
        for handler in service.reads
        if (handler.service, handler.stream) == (owner, stream)
    }
    return {
        "owner": owner,
        "producers": [owner],
        "consumers": {name: _TOPICS.group(name) for name in sorted(consumers)},
        "partners_may_read": stream is Stream.EVENTS,
        "personal_data": stream is not Stream.EVENTS,
        "key": sorted({one.key for one in contracts}),
        "partitions": spec.partitions,
        "retention_days": None if spec.retention is None else spec.retention.days,
        "compacted": spec.compacted,
        "settings": topic_configuration(spec.settings()),
        "types": {
            one.type: {"key": one.key, "read_by": sorted(name for name, _ in catalog.readers(one))}
            for one in contracts
        },
    }
