"""The composition root of the API."""

from typing import Any

from flask import Flask
from pymongo.database import Database

from notifications.api import deliveries, sms_status
from notifications.api.services import Services
from notifications.config import NotificationsConfig
from notifications.service import SERVICE
from notifications.store.contacts import Contacts
from notifications.store.deliveries import Deliveries
from vetika_kit.clock import Clock
from vetika_kit.http.app import create_api


def create_app(config: NotificationsConfig, *, database: "Database[dict[str, Any]]", clock: Clock) -> Flask:
    """Return the API of notifications."""
    return create_api(
        service=SERVICE,
        config=config,
        database=database,
        clock=clock,
        blueprints=[deliveries.blueprint, sms_status.blueprint],
        extensions=Services(
            deliveries=Deliveries(database=database, clock=clock),
            contacts=Contacts(database=database),
            clock=clock,
            sms_token=config.sms_token,
            public_url=config.public_url,
        ),
        problems={
            "cannot-resend": "Only a delivery that was sent or has failed can be sent again.",
            "bad-signature": "The call is not signed with the SMS account's token.",
        },
    )
