"""What must hold across a hosting file, beyond what its schema can say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import Any, Final

from vetika_cli.hosting.coalition import EXTERNAL, RESERVED
from vetika_kit.config import KafkaConfig

_HIGHEST_PORT: Final = 65535
# Settings that the rendering itself decides; a second voice would make the folders disagree.
_DECIDED: Final = {
    *(field.metadata["variable"] for field in fields(KafkaConfig)),
    *("VETIKA_MONGODB_URI", "VETIKA_JWKS_FILE", "VETIKA_MODE", "VETIKA_SECRETS"),
}
_SECRET: Final = ("PASSWORD", "SECRET", "TOKEN", "KEY")
_NO_SECRETS: Final = ("VETIKA_TOKEN_ISSUER", "VETIKA_TOKEN_AUDIENCE")  # are called so, and are none


def complaints(document: Mapping[str, Any], *, path: Path, services: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for everything that is wrong with a document that has the right shape."""
    yield from _names(document)
    yield from _addresses(document)
    yield from _services(document, services=services)
    yield from _kafka(document, path=path)
    yield from _topics(document, services=services)
    yield from _settings(document)


def _names(document: Mapping[str, Any]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for place, one in chain(_each(document, "organizations"), _each(document, "partners")):
        name = one["name"]
        if name in RESERVED:
            yield f"{place}.name: {name} means something else here; take another name."
        elif name == document["coalition"]:
            # A partner's groups begin with its name and a dot, as the services' begin with the coalition's.
            yield f"{place}.name: {name} is the coalition's own name; take another."
        elif name in seen:
            yield f"{place}.name: {name} is the name of {seen[name]} already."
        seen.setdefault(name, place)


def _addresses(document: Mapping[str, Any]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for place, one in _each(document, "organizations"):
        if one["address"] in seen:
            yield f"{place}.address: {one['address']} is the address of {seen[one['address']]} already."
        seen.setdefault(one["address"], place)


def _services(document: Mapping[str, Any], *, services: Sequence[str]) -> Iterator[str]:
    hosts, known = dict[str, str](), ", ".join(services)
    for place, one in _each(document, "organizations"):
        for number, service in enumerate(one["services"]):
            if service not in services:
                yield f"{place}.services[{number}]: there is no service {service}; there are {known}."
            elif service in hosts:
                yield (
                    f"{place}.services[{number}]: {service} is hosted by {hosts[service]} already;"
                    " a service has one host."
                )
            hosts.setdefault(service, one["name"])
    for service in services:
        if service not in hosts:
            yield f"organizations: nobody hosts {service}."


def _kafka(document: Mapping[str, Any], *, path: Path) -> Iterator[str]:
    kafka = document["kafka"]
    hosts = {one["name"]: one for _, one in _each(document, "organizations")}
    for number, address in enumerate(kafka["addresses"]):
        if not 0 < int(address.rpartition(":")[2]) <= _HIGHEST_PORT:
            yield f"kafka.addresses[{number}]: {address} has a port that does not exist."
    if kafka["hosted_by"] == EXTERNAL:
        pass
    elif kafka["hosted_by"] not in hosts:
        yield (
            f"kafka.hosted_by: there is no organization {kafka['hosted_by']};"
            f" name one of {', '.join(hosts)}, or {EXTERNAL}."
        )
    elif len(kafka["addresses"]) > 1:
        yield f"kafka.addresses: the Kafka of {kafka['hosted_by']} is one broker and has one address."
    elif "ca" in kafka and hosts[kafka["hosted_by"]].get("certificates") != "own":
        yield f"kafka.ca: the certificate of {kafka['hosted_by']} is the coalition's (certificates: own)."
    if "ca" in kafka and not (path.parent / kafka["ca"]).is_file():
        yield f"kafka.ca: there is no file {path.parent / kafka['ca']}."
    for place, one in _each(document, "organizations"):
        if not one["services"] and one["name"] != kafka["hosted_by"]:
            yield f"{place}.services: {one['name']} hosts nothing; give it a service, or leave it out."


def _topics(document: Mapping[str, Any], *, services: Sequence[str]) -> Iterator[str]:
    known = ", ".join(services)
    for place, one in _each(document, "partners"):
        for number, topic in enumerate(one["topics"]):
            if topic in services:
                continue
            if "contacts" in topic:
                yield (
                    f"{place}.topics[{number}]: contacts are personal data, which no partner may read;"
                    f" name services: {known}."
                )
            else:
                yield f"{place}.topics[{number}]: there is no service {topic}; there are {known}."


def _settings(document: Mapping[str, Any]) -> Iterator[str]:
    for place, one in _each(document, "organizations"):
        for name, value in one.get("settings", {}).items():
            if name in _DECIDED or name.removesuffix("_FILE") in _DECIDED:
                yield f"{place}.settings.{name}: is decided by the rendering; leave it out."
            elif (
                not name.endswith("_FILE")
                and name not in _NO_SECRETS
                and any(word in name for word in _SECRET)
            ):
                yield f"{place}.settings.{name}: looks like a secret; secrets lie in the folders."
            elif isinstance(value, str) and ("\n" in value or "'" in value):
                yield f"{place}.settings.{name}: must be one line without apostrophes."


def _each(document: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, one in enumerate(document.get(key) or ()):
        yield f"{key}[{number}]", one
