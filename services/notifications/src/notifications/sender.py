"""The process that sends: one lane a channel. Any number of senders share the work."""

import threading
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import pymongo
from pymongo.database import Database
from pymongo.errors import PyMongoError

from notifications.config import NotificationsConfig
from notifications.courier import Courier, EmailCourier, FactFinder, NoCourier, SmsCourier
from notifications.domain.allowance import Allowance
from notifications.domain.delivery import Channel, Language
from notifications.gateways.sms_http import SmsGateway, SmsProvider
from notifications.gateways.smtp import SmtpGateway, SmtpServer
from notifications.lane import Lane, LanePolicy
from notifications.mail import Sender
from notifications.store.claims import ClaimPolicy, Claims
from notifications.store.contacts import Contacts
from notifications.store.deliveries import DELIVERIES, Deliveries
from notifications.store.forums import Forums
from notifications.store.queue import Queue
from vetika_kit.clock import Clock
from vetika_kit.health import Health, coming_round
from vetika_kit.mongo import Document
from vetika_kit.processes import serving_probes
from vetika_kit.service import Context
from vetika_kit.wake import Wake

_GRACE: Final = 60.0  # seconds that messages under way are given at a stop
_LOOK: Final = 0.5  # seconds that a look at what is due may take


def run_sender(context: Context) -> None:
    """Send what is due until told to stop."""
    lanes = make_lanes(context.database, config=context.config, clock=context.clock, owner=context.name)

    queue = Queue(database=context.database)
    with serving_probes(
        context,
        live=lambda: coming_round(*(lane.ticked_at for lane in lanes.values())),
        ready=lambda: sender_works(lanes, queue=queue, now=context.clock.now()),
    ):
        run_lanes(lanes, stop=context.stop)


def sender_works(lanes: Mapping[Channel, Lane], *, queue: Queue, now: datetime) -> Health:
    """Return whether what should leave does, on every channel."""
    try:
        with pymongo.timeout(_LOOK):
            due = {channel: queue.oldest_due(channel, now=now) for channel in lanes}
    except PyMongoError:
        return Health(good=False, details={"mongodb": "away", "oldest_due_seconds": None})
    stopped = [
        channel
        for channel, lane in lanes.items()
        if lane.outflow.stopped(oldest_due=due[channel], now=time.monotonic())
    ]
    details = {
        "stopped": stopped,
        "oldest_due_seconds": {channel: round(age, 1) for channel, age in due.items()},
    }
    return Health(good=not stopped, details=details)


def run_lanes(lanes: dict[Channel, Lane], *, stop: threading.Event) -> None:
    """Run every lane in a thread of its own until told to stop."""
    threads = [
        threading.Thread(target=lane.run, args=(stop,), name=channel, daemon=True)
        for channel, lane in lanes.items()
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    deadline = time.monotonic() + _GRACE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def make_lanes(
    database: "Database[Document]",
    *,
    config: NotificationsConfig,
    clock: Clock,
    owner: str,
    policy: LanePolicy | None = None,
) -> dict[Channel, Lane]:
    """Put the lanes together."""
    facts = FactFinder(
        contacts=Contacts(database=database),
        forums=Forums(database=database),
        registration_url=config.registration_url,
    )
    couriers: dict[Channel, Courier] = {
        Channel.EMAIL: _email_courier(config, facts=facts, clock=clock),
        Channel.SMS: _sms_courier(config, facts=facts),
    }
    limits = {Channel.EMAIL: config.email_per_second, Channel.SMS: config.sms_per_second}
    lease = ClaimPolicy(lease=timedelta(seconds=config.sender_lease))
    return {
        channel: Lane(
            channel=channel,
            courier=courier,
            claims=Claims(database=database, owner=owner, policy=lease, clock=clock),
            deliveries=Deliveries(database=database, clock=clock),
            wake=_bell(database, channel),
            allowance=Allowance(per_second=limits[channel]),
            retry=config.retry,
            policy=policy or LanePolicy(threads=config.sender_threads),
            clock=clock,
        )
        for channel, courier in couriers.items()
    }


def _bell(database: "Database[Document]", channel: Channel) -> Wake:
    """Rings when a delivery of the channel is made, and when any is queued again."""
    made = {
        "operationType": "insert",
        "fullDocument.channel": channel.value,
        "fullDocument.state": "queued",
    }
    queued_again = {"updateDescription.updatedFields.state": "queued"}
    return Wake(database, collections=[DELIVERIES], match={"$or": [made, queued_again]})


def _email_courier(config: NotificationsConfig, *, facts: FactFinder, clock: Clock) -> EmailCourier:
    server = SmtpServer(
        host=config.smtp_host,
        port=config.smtp_port,
        tls=config.smtp_tls,
        ca_file=config.smtp_ca_file,
        username=config.smtp_username,
        password=config.smtp_password,
        timeout=config.smtp_timeout,
    )
    return EmailCourier(facts=facts, gateway=SmtpGateway(server), senders=_senders(config), clock=clock)


def _sms_courier(config: NotificationsConfig, *, facts: FactFinder) -> Courier:
    if not (config.sms_url and config.sms_account and config.sms_token and config.sms_from):
        return NoCourier()
    provider = SmsProvider(
        url=config.sms_url,
        account=config.sms_account,
        token=config.sms_token,
        sender=config.sms_from,
        timeout=config.sms_timeout,
    )
    return SmsCourier(
        facts=facts,
        gateway=SmsGateway(provider, connections=config.sender_threads),
        senders=_senders(config),
        public_url=config.public_url,
    )


def _senders(config: NotificationsConfig) -> dict[Language, Sender]:
    names = {
        Language.EN: config.smtp_from_name,
        Language.KM: config.smtp_from_name_km or config.smtp_from_name,
    }
    return {
        language: Sender(address=config.smtp_from, name=name, reply_to=config.smtp_reply_to)
        for language, name in names.items()
    }
