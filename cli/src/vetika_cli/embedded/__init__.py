"""The real Apache Kafka and the real mongod, without Docker and without Java on the machine.

`KafkaServer` and `MongoServer` run one in a directory of its own: for tests, for benchmarks and for
`vetika up`, which hands their `command()` to its supervisor instead of calling `start()`.
"""

from vetika_cli.embedded.kafka import KafkaServer
from vetika_cli.embedded.mongodb import MongoServer
from vetika_cli.embedded.server import NotReadyError
from vetika_cli.ports import free_port

__all__ = ["KafkaServer", "MongoServer", "NotReadyError", "free_port"]
