"""The processes of an embedded run: what starts each, its settings, and how it shows that it is ready."""

import inspect
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Final

from vetika_cli.embedded import KafkaServer, MongoServer
from vetika_cli.installation import HOST, PORTS, SERVICES, Installation
from vetika_cli.keys import AUDIENCE, ISSUER, Keys
from vetika_kit.config import ServiceConfig

SMS_FROM: Final = "+85512000000"  # the number that SMS of an embedded run come from


class Kind(StrEnum):
    """What a process is part of; infrastructure starts first and stops last."""

    INFRASTRUCTURE = "infrastructure"
    SANDBOX = "sandbox"
    SERVICE = "service"


@dataclass(frozen=True, kw_only=True)
class Process:
    """One supervised process."""

    name: str
    kind: Kind
    command: tuple[str, ...]
    ports: tuple[int, ...]  # all that it binds
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_url: str | None = None  # answers 200 when it does its work
    stop_seconds: int = 20  # until SIGKILL


def processes(installation: Installation) -> list[Process]:
    """Everything that `up` runs for this installation, in the order of start."""
    return [*_infrastructure(installation), *_sandboxes(installation), *_services(installation)]


def mongo_server(installation: Installation) -> MongoServer:
    """The embedded mongod of the installation (whether it runs or not)."""
    return MongoServer(installation.home / "mongod", port=installation.port("mongod"))


def kafka_server(installation: Installation) -> KafkaServer:
    """The embedded Kafka of the installation (whether it runs or not)."""
    return KafkaServer(
        installation.home / "kafka",
        port=installation.port("kafka"),
        controller_port=installation.port("kafka-controller"),
    )


def _infrastructure(installation: Installation) -> list[Process]:
    found = []
    if installation.mongodb_given is None:
        mongod = mongo_server(installation)
        found.append(
            Process(
                name="mongod",
                kind=Kind.INFRASTRUCTURE,
                command=tuple(mongod.command()),
                ports=(mongod.port,),
                stop_seconds=30,
            )
        )
    if installation.kafka_given is None:
        kafka = kafka_server(installation)
        found.append(
            Process(
                name="kafka",
                kind=Kind.INFRASTRUCTURE,
                command=tuple(kafka.command()),
                ports=(kafka.port, kafka.controller_port),
                stop_seconds=30,
            )
        )
    return found


def _sandboxes(installation: Installation) -> list[Process]:
    keys = Keys(installation)
    smtp, mailbox, phone = (installation.port(name) for name in ("smtp", "mailbox", "phone"))
    return [
        Process(
            name="mailbox",
            kind=Kind.SANDBOX,
            command=(
                *(sys.executable, "-m", "vetika_cli.sandbox", "mailbox"),
                *("--directory", str(installation.home / "mail")),
                *("--smtp-port", str(smtp), "--http-port", str(mailbox)),
            ),
            ports=(smtp, mailbox),
            ready_url=f"http://{HOST}:{mailbox}/readyz",
        ),
        Process(
            name="phone",
            kind=Kind.SANDBOX,
            command=(
                *(sys.executable, "-m", "vetika_cli.sandbox", "phone"),
                *("--directory", str(installation.home / "phone"), "--http-port", str(phone)),
                *("--account-file", str(keys.sms_account), "--secret-file", str(keys.sms_token)),
            ),
            ports=(phone,),
            ready_url=f"http://{HOST}:{phone}/readyz",
        ),
    ]


def _services(installation: Installation) -> list[Process]:
    found = []
    for name in PORTS:
        service, _, kind = name.partition("-")
        if service not in SERVICES:
            continue
        port = installation.port(name)
        own = {"VETIKA_HTTP_PORT": port} if kind == "api" else {"VETIKA_PROBE_PORT": port}
        found.append(
            Process(
                name=name,
                kind=Kind.SERVICE,
                command=(sys.executable, "-m", service, kind),
                ports=(port,),
                environment=_environment(
                    installation, service=service, own={k: str(v) for k, v in own.items()}
                ),
                ready_url=f"http://{HOST}:{port}/readyz",
            )
        )
    return found


# What the settings of the services are in an embedded run, by variable; a process is given those that its
# service declares, and nothing else.
def _settings(installation: Installation, *, service: str) -> dict[str, str]:
    keys = Keys(installation)
    settings = {
        "VETIKA_COALITION": installation.coalition,
        "VETIKA_MODE": "embedded",
        "VETIKA_MONGODB_URI": installation.mongodb_uri,
        "VETIKA_KAFKA_BOOTSTRAP": installation.kafka_bootstrap,
        "VETIKA_HTTP_HOST": HOST,
        "VETIKA_PUBLIC_URL": installation.address(service),
        "VETIKA_REGISTRATION_URL": installation.address("registration"),
        "VETIKA_TOKEN_ISSUER": ISSUER,
        "VETIKA_TOKEN_AUDIENCE": AUDIENCE,
        "VETIKA_JWKS_FILE": str(keys.key_set),
        "VETIKA_MANAGE_SECRET_FILE": str(keys.manage_secret),
        # People come through registration; the others serve a secretary on the same small machine.
        "VETIKA_API_WORKERS": "2" if service == "registration" else "1",
        "VETIKA_RETRY_FIRST": "2",  # seconds; so that a retry can be watched
    }
    # Who names a mail server or SMS provider of their own sets all that belongs to it.
    if not os.environ.get("VETIKA_SMTP_HOST"):
        settings |= {"VETIKA_SMTP_HOST": HOST, "VETIKA_SMTP_PORT": str(installation.port("smtp"))}
    if not os.environ.get("VETIKA_SMS_URL"):
        settings |= {
            "VETIKA_SMS_URL": installation.address("phone"),
            "VETIKA_SMS_ACCOUNT_FILE": str(keys.sms_account),
            "VETIKA_SMS_TOKEN_FILE": str(keys.sms_token),
            "VETIKA_SMS_FROM": SMS_FROM,
        }
    return settings


def _environment(installation: Installation, *, service: str, own: Mapping[str, str]) -> dict[str, str]:
    """The settings of one process; what the user exported for a setting of its service goes first."""
    settings = {**_settings(installation, service=service), **own}
    chosen: dict[str, str] = {}
    for variable in _declared(service):
        names = (variable, f"{variable}_FILE")
        given = (
            {} if variable in FIXED else {name: os.environ[name] for name in names if os.environ.get(name)}
        )
        chosen |= given or {name: settings[name] for name in names if name in settings}
    return chosen


# What an embedded run decides itself, whatever is exported.
FIXED: Final = frozenset(
    {
        "VETIKA_MODE",
        "VETIKA_COALITION",
        "VETIKA_MONGODB_URI",
        "VETIKA_KAFKA_BOOTSTRAP",
        "VETIKA_HTTP_PORT",
        "VETIKA_PROBE_PORT",
    }
)


@cache
def _declared(service: str) -> tuple[str, ...]:
    """The variables that the service's settings are read from."""
    # The settings' own module: importing the whole service would cost ten times as long.
    module = import_module(f"{service}.config")
    configs = [
        found
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, ServiceConfig) and found.__module__ == module.__name__
    ]
    return tuple(
        declared.metadata["variable"]
        for config in configs or [ServiceConfig]
        for declared in fields(config)
        if "variable" in declared.metadata
    )
