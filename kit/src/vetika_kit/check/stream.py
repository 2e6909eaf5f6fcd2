"""What Kafka says about an upgrade: topics, positions, lag."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from vetika_kit import kafka_clients
from vetika_kit.check.findings import Finding, bad, good, note
from vetika_kit.check.room import room_told
from vetika_kit.events import published_by
from vetika_kit.inbox import Inbox
from vetika_kit.service import Context
from vetika_kit.topics import Stream, Topics, TopicSpec

LARGE_LAG: Final = (
    10_000  # events: some seconds of a worker's work; more will not be gone when it is replaced
)


def stream(context: Context) -> Iterator[Finding]:
    """Look at the topics that the service writes and reads, and where it stands in those that it reads."""
    admin = kafka_clients.admin(context.config, client_id=f"{context.name}-admin", bootstrap_seconds=10)
    try:
        partitions = _partitions(admin, topics=[spec.name for spec in (*_own(context), *_read(context))])
        yield from _topics(context, admin, partitions)
        yield from _room(admin)
    finally:
        admin.close()
    yield from _positions(context, partitions)


def _own(context: Context) -> list[TopicSpec]:
    names, service = Topics(coalition=context.config.coalition), context.service
    published = published_by(service.publishes).values() if service.publishes is not None else ()
    return [names.spec(service.name, stream) for stream in sorted({Stream(one.stream) for one in published})]


def _read(context: Context) -> list[TopicSpec]:
    names = Topics(coalition=context.config.coalition)
    return [names.spec(*channel) for channel in sorted(context.service.handlers.topics(names).values())]


def _partitions(admin: KafkaAdminClient, *, topics: list[str]) -> dict[str, int]:
    """Return the number of partitions of each topic that there is."""
    described = admin.describe_topics(topics) if topics else []
    return {one["name"]: len(one["partitions"]) for one in described if one["partitions"]}


def _topics(context: Context, admin: KafkaAdminClient, partitions: Mapping[str, int]) -> Iterator[Finding]:
    found: list[Finding] = []
    for spec in {spec.name: spec for spec in (*_own(context), *_read(context))}.values():
        if spec.name not in partitions:
            told = "is missing, or may not be seen: run `./vetika topics`, look at this user's rights"
            found.append(bad("topics", f"{spec.name} {told}"))
        elif partitions[spec.name] != spec.partitions:
            split = f"{spec.name} has {partitions[spec.name]} partitions, not {spec.partitions}"
            told = "that works; leave it so, or the events of a key lose their order"
            found.append(note("topics", f"{split}: {told}"))
    for spec in _own(context):
        if spec.name in partitions:
            found.extend(_settings(spec, admin))
    yield from found or [good("topics", "partitions, retention and compaction are as declared")]


def _settings(spec: TopicSpec, admin: KafkaAdminClient) -> Iterator[Finding]:
    """Compare a topic's settings with what the service declares; one that is lost soon loses events."""
    wanted = spec.settings()
    described = admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, spec.name, configs=dict.fromkeys(wanted))],
        config_filter="all",
    )
    present = _values(described)
    if not present:  # how Kafka answers who may not ask
        yield note("topics", f"the settings of {spec.name} may not be asked for: look yourself")
        return
    for name, value in wanted.items():
        if present.get(name) != value:
            yield bad(
                "topics",
                f"{spec.name} has {name}={present.get(name)}, not {value}: `./vetika topics` sets it back",
            )


def _values(described: Any) -> dict[str, Any]:
    """Return settings by name from what the admin client answers for one topic."""
    (configs,) = (topic for kind in described.values() for topic in kind.values())
    return {name: one["value"] for name, one in configs.items()}


def _room(admin: KafkaAdminClient) -> Iterator[Finding]:
    """The disks of the brokers, for those whom Kafka tells of them (the right to describe the cluster)."""
    try:
        brokers = admin.describe_log_dirs(topic_partitions={})
    except KafkaError:
        brokers = []
    folders = [(broker["broker"], one) for broker in brokers for one in broker["log_dirs"]]
    known = [(broker, one) for broker, one in folders if one.get("total_bytes", -1) > 0]
    for broker, one in known:
        where = f"Kafka's broker {broker} keeps its log"
        yield room_told(free=one["usable_bytes"], total=one["total_bytes"], where=where)
    if not known:
        yield note("disk", "Kafka does not tell this user of its free disk: look yourself")


def _positions(context: Context, partitions: Mapping[str, int]) -> Iterator[Finding]:
    config, read = context.config, {spec.name for spec in _read(context)}
    places = [
        TopicPartition(name, number)
        for name in sorted(read & set(partitions))
        for number in range(partitions[name])
    ]
    if not places:
        return
    group = Topics(coalition=config.coalition).group(context.service.name)
    inbox = Inbox(context.database, group=group, clock=context.clock)
    consumer = KafkaConsumer(**kafka_clients.connection_settings(config), client_id=context.name)
    try:
        beginnings, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
    finally:
        consumer.close()
    lag, strayed = 0, []
    for place in places:
        offset = inbox.position(place.topic, place.partition).offset
        begins, end = beginnings[place], ends[place]
        if offset is None:
            lag += end - begins
        elif not begins <= offset <= end:
            strayed.append(f"{place.topic}/{place.partition} at {offset}, of {begins} to {end}")
        else:
            lag += end - offset
    if strayed:
        yield bad(
            "positions", f"off the log's ends: {'; '.join(strayed)}: rebuild the service before the upgrade"
        )
    else:
        yield good("positions", f"within the log in {len(places)} partitions")
    if lag > LARGE_LAG:
        yield bad("lag", f"{lag} events wait to be handled: let the workers come closer first")
    else:
        yield good("lag", f"{lag} events wait to be handled")
