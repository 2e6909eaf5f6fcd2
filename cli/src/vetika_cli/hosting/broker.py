"""How the coalition's Kafka is set: three doors, of which the world sees one.

- `COALITION`: TLS and a user's password (SCRAM-SHA-512); everybody comes through it, and may do what the
  rights allow and nothing else.
- `LOCAL` and `CONTROLLER`: the broker talking to itself, and the job that makes the first users. Both
  listen on the loopback of the broker's own network namespace, which nothing reaches but what runs
  within it. So the first user can be made on an empty volume, and no password of the broker's lies
  anywhere. Who is within may do everything: they could read the volume as well.

The doors have names of their own: where one is called `SASL_SSL`, the start script of Kafka's image asks
for a JKS keystore and a JAAS file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vetika_cli.hosting.scram import MECHANISM

SESSION: Final = timedelta(hours=1)  # after which a client must show that its password still holds


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Where the broker listens."""

    listen: str = "0.0.0.0:9093"
    local: str = "127.0.0.1:9094"
    controller: str = "127.0.0.1:9095"


def broker_settings(
    *,
    address: str,
    administrator: str,
    keystore: str,
    doors: Doors | None = None,
    session: timedelta = SESSION,
) -> dict[str, str]:
    """Return the broker's settings, by the names of server.properties.

    Args:
        address: `host:port` under which everybody reaches it.
        administrator: The user that may do everything.
        keystore: The PEM file with its private key and its certificate.
        doors: Where it listens.
        session: How long a connection may go on without signing in again.
    """
    doors = doors or Doors()
    coalition = "listener.name.coalition"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"COALITION://{doors.listen},LOCAL://{doors.local},CONTROLLER://{doors.controller}",
        "advertised.listeners": f"COALITION://{address},LOCAL://{doors.local}",
        "listener.security.protocol.map": "COALITION:SASL_SSL,LOCAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "LOCAL",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@{doors.controller}",
        f"{coalition}.sasl.enabled.mechanisms": MECHANISM,
        f"{coalition}.{MECHANISM.lower()}.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        f"{coalition}.connections.max.reauth.ms": str(session // timedelta(milliseconds=1)),
        f"{coalition}.ssl.keystore.type": "PEM",
        f"{coalition}.ssl.keystore.location": keystore,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:ANONYMOUS;User:{administrator}",
        "auto.create.topics.enable": "false",
    }


def as_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings as Kafka's image takes them from the environment."""
    return {
        "KAFKA_" + name.replace("_", "__").replace("-", "___").replace(".", "_").upper(): value
        for name, value in settings.items()
    }
