"""How deliveries come back from what was told of them: what was sent once is never sent again.

People, forums and registrations come back by being heard again. A person who was erased so long ago that
the contacts topic has forgotten even the erasure is on no record there, and is forgotten here too.
"""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from notifications.domain.delivery import Channel, Language, State, Template
from notifications.planning import Planning, stores
from notifications.store.recovered import RecoveredDeliveries, reachable_people
from vetika_kit.backup.recovery import Afterwards
from vetika_kit.events import ReaderSchema, Received
from vetika_kit.handlers import handles
from vetika_kit.inbox import UnitOfWork
from vetika_kit.topics import Stream

LOST: Final = (
    "that a delivery was to be sent again, where the secretariat asked for it since the backup",
    "messages that left in the last moment and were not told of: they may be sent once more",
)


class DeliveryTold(ReaderSchema):
    """A delivery as everybody knows it."""

    delivery_id = fields.String(required=True)
    person_id = fields.String(required=True)
    registration_id = fields.String(required=True, allow_none=True)
    forum_id = fields.String(required=True)
    channel = fields.Enum(Channel, by_value=True, required=True, allow_none=True)
    template = fields.Enum(Template, by_value=True, required=True)
    language = fields.Enum(Language, by_value=True, required=True, allow_none=True)
    attempts = fields.Integer(required=True)
    because = fields.String(required=True)
    reason = fields.String(load_default=None, allow_none=True)


_STATES: Final = {
    "delivery.sent.v1": State.SENT,
    "delivery.delivered.v1": State.DELIVERED,
    "delivery.failed.v1": State.FAILED,
}


@handles("delivery.sent.v1", reads=DeliveryTold, service="notifications")
@handles("delivery.delivered.v1", reads=DeliveryTold, service="notifications")
@handles("delivery.failed.v1", reads=DeliveryTold, service="notifications")
def take_a_delivery_back(event: Received, *, deliveries: RecoveredDeliveries) -> None:
    """Keep what became of it."""
    told = dict(event.data)
    state, reason = _STATES[event.type], told.pop("reason")
    told |= {"state": state, f"{state}_at": event.time, "last_error": reason}
    deliveries.put_back(told.pop("delivery_id"), told, event=event)


def forget_who_is_on_no_record(afterwards: Afterwards) -> Mapping[str, int]:
    """Forget people whose contact is known here and on the contacts topic no more."""
    on_record = afterwards.keys("registration", Stream.CONTACTS)
    if on_record is None:
        return {}
    erased = [person for person in reachable_people(afterwards.database) if person not in on_record]
    for person in erased:
        with afterwards.database.client.start_session() as session, session.start_transaction():
            work = UnitOfWork(database=afterwards.database, session=session, clock=afterwards.clock)
            _forget(person, stores=stores(work), afterwards=afterwards)
            work.flush()
    return {"people who were erased": len(erased)} if erased else {}


def _forget(person: str, *, stores: Mapping[str, Any], afterwards: Afterwards) -> None:
    now = afterwards.clock.now()
    planning: Planning = stores["planning"]
    stores["contacts"].erase(person, version=int(now.timestamp() * 1000), at=now)
    planning.person_erased(person)
