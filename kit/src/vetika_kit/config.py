"""Settings: a frozen dataclass, read from the environment once, which complains about everything at once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar


class ConfigurationError(Exception):
    """Settings are missing or wrong; the message names every one of them."""


class Mode(StrEnum):
    """Where a process runs: keys made for an embedded run are refused when hosted."""

    EMBEDDED = "embedded"
    HOSTED = "hosted"


def setting(
    variable: str,
    *,
    doc: str,
    default: Any = MISSING,
    parse: Callable[[str], Any] = str,
    secret: bool = False,
) -> Any:
    """Declare a field that is read from an environment variable.

    Args:
        variable: The variable's name. ``{variable}_FILE`` may name a file that holds the value instead.
        doc: One sentence for the operator, with the unit.
        default: The value when neither is set; without one the setting is required.
        parse: Turns the text into the value; a ``ValueError`` is reported with the variable's name.
        secret: Never shown, logged or part of the ``repr``.
    """
    return field(
        default=default,
        repr=not secret,
        metadata={"variable": variable, "doc": doc, "parse": parse, "secret": secret},
    )


def addresses(text: str) -> tuple[str, ...]:
    """Parse ``host:port,host:port``."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts or not all(part.rpartition(":")[2].isdigit() for part in parts):
        raise ValueError("must be host:port, several separated by commas")
    return parts


def short_name(text: str) -> str:
    """Parse the coalition's short name, which prefixes topics, groups and databases."""
    if not (text.isascii() and text.isalnum() and text.islower() and len(text) <= 20):  # noqa: PLR2004 - said in the message
        raise ValueError("must be 1 to 20 lower-case letters and digits")
    return text


def positive(text: str) -> float:
    """Parse a number above zero."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError("must be a number above zero")
    return value


def count(text: str) -> int:
    """Parse a whole number above zero."""
    value = int(text)
    if value < 1:
        raise ValueError("must be a whole number above zero")
    return value


def port(text: str) -> int:
    """Parse a port; 0 takes any that is free."""
    value = int(text)
    if not 0 <= value <= 65535:  # noqa: PLR2004 - the ports there are
        raise ValueError("must be a port, 0 to 65535")
    return value


@dataclass(frozen=True, kw_only=True)
class KafkaConfig:
    """What everybody is told who speaks with the coalition's Kafka: services, tools, partners."""

    coalition: str = setting(
        "VETIKA_COALITION",
        default="dfwg",
        parse=short_name,
        doc="Short name of the coalition; prefixes topics, consumer groups and databases.",
    )
    kafka_bootstrap: tuple[str, ...] = setting(
        "VETIKA_KAFKA_BOOTSTRAP", parse=addresses, doc="Kafka brokers to begin with, host:port, by commas."
    )
    kafka_security_protocol: str = setting(
        "VETIKA_KAFKA_SECURITY_PROTOCOL",
        default="PLAINTEXT",
        doc="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.",
    )
    kafka_sasl_mechanism: str = setting(
        "VETIKA_KAFKA_SASL_MECHANISM", default="SCRAM-SHA-512", doc="SASL mechanism, where SASL is used."
    )
    kafka_username: str | None = setting("VETIKA_KAFKA_USERNAME", default=None, doc="SASL user.")
    kafka_password: str | None = setting(
        "VETIKA_KAFKA_PASSWORD", default=None, secret=True, doc="SASL password."
    )
    kafka_ca_file: str | None = setting(
        "VETIKA_KAFKA_CA_FILE",
        default=None,
        doc="PEM file of the authority that signed the brokers' certificates.",
    )


@dataclass(frozen=True, kw_only=True)
class ServiceConfig(KafkaConfig):
    """What every process of every service is told; a service adds its own fields."""

    mode: Mode = setting(
        "VETIKA_MODE",
        default=Mode.HOSTED,
        parse=Mode,
        doc="embedded or hosted; development keys are refused when hosted.",
    )
    mongodb_uri: str = setting(
        "VETIKA_MONGODB_URI", secret=True, doc="The service's own MongoDB, a replica set."
    )
    http_host: str = setting("VETIKA_HTTP_HOST", default="127.0.0.1", doc="Address that the API listens on.")
    http_port: int = setting("VETIKA_HTTP_PORT", default=8000, parse=port, doc="Port of the API.")
    probe_port: int = setting(
        "VETIKA_PROBE_PORT",
        default=0,
        parse=port,
        doc="Port on which a relay, worker or sender shows its health and metrics; 0 takes any.",
    )
    api_workers: int = setting(
        "VETIKA_API_WORKERS", default=2, parse=count, doc="Worker processes of the API."
    )
    api_threads: int = setting("VETIKA_API_THREADS", default=8, parse=count, doc="Threads of an API worker.")
    public_url: str = setting(
        "VETIKA_PUBLIC_URL",
        default="http://127.0.0.1:8000",
        doc="Base of the links that are given to people.",
    )
    token_issuer: str = setting("VETIKA_TOKEN_ISSUER", default="vetika", doc="Issuer that tokens must name.")
    token_audience: str = setting(
        "VETIKA_TOKEN_AUDIENCE", default="vetika", doc="Audience that tokens must name."
    )
    jwks_file: str = setting(
        "VETIKA_JWKS_FILE", doc="JSON Web Key Set with the public keys that tokens may be signed with."
    )
    log_level: str = setting("VETIKA_LOG_LEVEL", default="INFO", doc="DEBUG, INFO, WARNING or ERROR.")
    outbox_age_limit: float = setting(
        "VETIKA_OUTBOX_AGE_LIMIT",
        default=900.0,
        parse=positive,
        doc="Seconds that the oldest event may wait for Kafka before writes answer 503.",
    )
    outbox_age_unhealthy: float = setting(
        "VETIKA_OUTBOX_AGE_UNHEALTHY",
        default=60.0,
        parse=positive,
        doc="Seconds that the oldest event may wait for Kafka before a relay is not ready.",
    )
    otlp_endpoint: str | None = setting(
        "VETIKA_OTLP_ENDPOINT",
        default=None,
        doc="OpenTelemetry collector (OTLP over HTTP); none: no spans leave.",
    )


ConfigT = TypeVar("ConfigT", bound=KafkaConfig)


def load(config_type: type[ConfigT], environ: Mapping[str, str] | None = None) -> ConfigT:
    """Read the settings.

    Raises:
        ConfigurationError: Some are missing or wrong; all of them are named.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    complaints = []
    for declared in fields(config_type):
        if "variable" not in declared.metadata:
            continue
        try:
            value = _read(declared, environ)
        except (ValueError, OSError) as error:
            complaints.append(f"{declared.metadata['variable']}: {error}")
        else:
            if value is not MISSING:
                values[declared.name] = value
    if complaints:
        raise ConfigurationError("; ".join(complaints))
    try:
        return config_type(**values)
    except ValueError as error:  # a rule between settings, from __post_init__
        raise ConfigurationError(str(error)) from error


def _read(declared: "Field[Any]", environ: Mapping[str, str]) -> Any:
    variable = declared.metadata["variable"]
    text = environ.get(variable, "")
    file = environ.get(f"{variable}_FILE", "")
    if text and file:
        raise ValueError(f"set either it or {variable}_FILE, not both")
    if file:
        text = Path(file).read_text(encoding="utf-8").strip()
    if not text:
        if declared.default is MISSING:
            raise ValueError(f"is required: {declared.metadata['doc']}")
        return MISSING
    return declared.metadata["parse"](text)


def described(config: KafkaConfig) -> list[dict[str, Any]]:
    """List the effective settings for an operator: secrets only as set or unset."""
    rows = []
    for declared in fields(config):
        if "variable" not in declared.metadata:
            continue
        value = getattr(config, declared.name)
        if declared.metadata["secret"]:
            shown: Any = "set" if value else "unset"
        else:
            shown = list(value) if isinstance(value, tuple) else value
        rows.append(
            {
                "name": declared.name,
                "variable": declared.metadata["variable"],
                "value": shown,
                "doc": declared.metadata["doc"],
            }
        )
    return rows
