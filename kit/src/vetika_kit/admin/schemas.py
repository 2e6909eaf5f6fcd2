"""What ``/admin`` answers."""

from marshmallow import Schema, fields, validate

from vetika_kit.http.fields import Text, Timestamp
from vetika_kit.http.pages import PageQuery


class WaitingSchema(Schema):
    """What waits in one collection's outbox."""

    collection = fields.String(required=True)
    documents = fields.Integer(required=True, metadata={"description": "Aggregates with waiting events."})
    oldest_seconds = fields.Float(
        required=True, allow_none=True, metadata={"description": "For how long the oldest event has waited."}
    )


class ShardLeaseSchema(Schema):
    """Which relay publishes a shard."""

    shard = fields.Integer(required=True)
    owner = fields.String(required=True, allow_none=True)
    expires_at = Timestamp(required=True, allow_none=True)
    epoch = fields.Integer(required=True, metadata={"description": "How often it has changed hands."})


class RelaySchema(Schema):
    """A relay process that has shown itself."""

    owner = fields.String(required=True)
    expires_at = Timestamp(required=True)


class OutboxSchema(Schema):
    """The way out."""

    waiting = fields.List(fields.Nested(WaitingSchema), required=True)
    relays = fields.List(fields.Nested(RelaySchema), required=True)
    shards = fields.List(fields.Nested(ShardLeaseSchema), required=True)


class PositionSchema(Schema):
    """How far a partition has been handled."""

    topic = fields.String(required=True)
    partition = fields.Integer(required=True)
    offset = fields.Integer(required=True, metadata={"description": "The next one to handle."})
    end = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Where the partition ended."}
    )
    lag = fields.Integer(required=True, allow_none=True, metadata={"description": "Events not handled yet."})
    moved_at = Timestamp(required=True, allow_none=True)
    reported_at = Timestamp(required=True, allow_none=True)


class ConsumersSchema(Schema):
    """The way in."""

    group = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["running", "halted"]))
    reason = fields.String(required=True, allow_none=True, metadata={"description": "Why it was halted."})
    remedy = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The command that mends it, where there is one."},
    )
    since = Timestamp(required=True, allow_none=True)
    positions = fields.List(fields.Nested(PositionSchema), required=True)


class DeadLetterQuery(PageQuery):
    """Which dead letters."""

    state = fields.String(
        load_default=None, validate=validate.OneOf(["dead", "replay_requested", "replayed", "discarded"])
    )
    type = Text(1, 200, load_default=None, metadata={"description": "Type of the event."})


class DeadLetterSchema(Schema):
    """An event that was put aside, in the list."""

    id = fields.String(required=True)
    state = fields.String(required=True)
    type = fields.String(required=True, allow_none=True)
    event_id = fields.String(required=True, allow_none=True)
    topic = fields.String(required=True)
    partition = fields.Integer(required=True)
    offset = fields.Integer(required=True)
    reason = fields.String(required=True)
    error = fields.String(required=True)
    attempts = fields.Integer(required=True)
    failed_at = Timestamp(required=True)


class WholeDeadLetterSchema(DeadLetterSchema):
    """An event that was put aside, whole; of the contacts topic only size and digest are shown."""

    key = fields.String(required=True)
    headers = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    value = fields.String(required=True, allow_none=True)
    redacted = fields.Boolean(required=True, metadata={"description": "Whether personal data was left out."})
    size = fields.Integer(required=True, metadata={"description": "Bytes of the value."})
    sha256 = fields.String(required=True, metadata={"description": "Digest of the value."})
    stack = fields.String(required=True, allow_none=True)


class SettingSchema(Schema):
    """A setting in effect."""

    name = fields.String(required=True)
    variable = fields.String(required=True, metadata={"description": "Environment variable."})
    value = fields.Raw(required=True, allow_none=True, metadata={"description": "Secrets: set or unset."})
    doc = fields.String(required=True)


class ConfigurationSchema(Schema):
    """All settings in effect."""

    service = fields.String(required=True)
    version = fields.String(required=True)
    settings = fields.List(fields.Nested(SettingSchema), required=True)


class AuditEntrySchema(Schema):
    """What an operator did."""

    id = fields.String(required=True)
    at = Timestamp(required=True)
    subject = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    action = fields.String(required=True)
    target = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    request_id = fields.String(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(["begun", "done", "refused", "failed"]))
    ended_at = Timestamp(required=True, allow_none=True)
