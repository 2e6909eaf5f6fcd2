"""How a process is made to die at one exact line: it is started from a file that a test writes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from kafka import KafkaConsumer, TopicPartition

PRELUDE = """
import os, signal, threading
from contextlib import suppress

LOADED = {loaded!r}  # the file is there until the shot is fired

def die():
    '''End this process as a crash would, the first time that any process of this name comes here.'''
    with suppress(FileNotFoundError):
        os.unlink(LOADED)
        os.kill(os.getpid(), signal.SIGKILL)
        threading.Event().wait()
"""
CLOSING = """
from {service}.service import SERVICE

raise SystemExit(SERVICE.main())
"""


@dataclass(frozen=True, kw_only=True)
class Mortal:
    """A file to start a process from, which dies at its line once it is armed."""

    file: Path
    loaded: Path

    def arm(self):
        """Let the next process that comes to the line die there."""
        self.loaded.touch()


@pytest.fixture(scope="session")
def mortal(tmp_path_factory):
    """`mortal(service, code)`: a service's processes with `die()` wherever `code` put it; not yet armed."""

    def written(service, code):
        folder = tmp_path_factory.mktemp("mortal")
        loaded = folder / "loaded"
        file = folder / f"{service}_that_may_die.py"
        file.write_text(PRELUDE.format(loaded=str(loaded)) + dedent(code) + CLOSING.format(service=service))
        return Mortal(file=file, loaded=loaded)

    return written


@pytest.fixture
def replace():
    """`replace(platform, name, mortal)`: run a process that dies at its line, until the test is over."""
    replaced = []

    def run(platform, name, mortal):
        platform.stop(name)
        replaced.append((platform, name))
        mortal.arm()
        platform.start_from(mortal.file, name)

    yield run
    for platform, name in replaced:
        if name not in platform.running:
            platform.start(name)


@pytest.fixture
def at_once():
    """`at_once(call, items)`: call with every item, from 32 threads that begin together."""

    def called(call, items, *, threads=32):
        begin = threading.Event()

        def one(item):
            begin.wait()
            return call(item)

        with ThreadPoolExecutor(threads) as pool:
            answers = [pool.submit(one, item) for item in items]
            begin.set()
            return [answer.result() for answer in answers]

    return called


@pytest.fixture(scope="session")
def nothing_waits():
    """`nothing_waits(platform, service)`: whether every event of the service has left."""

    def looked(platform, service):
        shown = platform.caller("operator").get(service, "/admin/outbox")
        return not any(outbox["documents"] for outbox in shown["waiting"])

    return looked


@pytest.fixture(scope="session")
def caught_up():
    """`caught_up(platform, service)`: whether the service has handled all that stands on its topics."""

    def looked(platform, service):
        shown = platform.caller("operator").get(service, "/admin/consumers")["positions"]
        handled = {TopicPartition(one["topic"], one["partition"]): one["offset"] for one in shown}
        consumer = KafkaConsumer(bootstrap_servers=platform.installation.kafka_bootstrap)
        partitions = [
            TopicPartition(topic, number)
            for topic in {partition.topic for partition in handled}
            for number in consumer.partitions_for_topic(topic)
        ]
        ends = consumer.end_offsets(partitions)
        consumer.close()
        return all(handled.get(partition, 0) == end for partition, end in ends.items())

    return looked
