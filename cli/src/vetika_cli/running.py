"""Bringing an installation up and taking it down."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from vetika_cli import machine
from vetika_cli.embedded.jars import fetched, kafka_jars
from vetika_cli.embedded.server import Server
from vetika_cli.embedded.warm import class_cache
from vetika_cli.errors import UserError
from vetika_cli.installation import Installation
from vetika_cli.keys import Keys
from vetika_cli.processes import Kind, Process, kafka_server, mongo_server, processes
from vetika_cli.supervision import Supervisor, end, left_behind
from vetika_cli.topology import align_topics, kafka_access, require_kafka

READY_SECONDS: Final = 120  # on a slow machine; what fails for good is noticed sooner
HOPELESS_SECONDS: Final = 15  # of starting and dying again
POLL: Final = 0.1
LONGEST_WORDS: Final = 300  # characters of a log line that an error repeats

Say = Callable[[str], object]


def start(installation: Installation, *, say: Say) -> None:
    """Bring the installation up and wait until it is ready; one that is up stays as it is.

    UserError when the machine lacks something, a port is taken, or a process does not become ready.
    """
    supervisor = Supervisor(installation)
    if supervisor.running:
        _stay(installation, supervisor, say=say)
        return
    machine.require(installation)
    if orphans := left_behind(installation):
        say("Ending processes whose supervisor was killed …")
        end(orphans)
    for sentence in machine.taken_ports(installation.wanted_ports):
        raise UserError(sentence)
    _reach_given(installation)
    if installation.kafka_given is None:
        if not fetched():
            say("Fetching Kafka (43 MB, the first time only) …")
        kafka_jars()
        if not class_cache().exists():
            say("Making Kafka quick to start (the first time only) …")
    installation.home.mkdir(parents=True, exist_ok=True)
    installation.keep()
    Keys(installation).ensure()
    for server in _own_servers(installation):
        server.prepare()
    wanted = processes(installation)
    with _undone_on_failure(installation):
        supervisor.start(wanted)
        _start_infrastructure(installation, supervisor, wanted, say=say)
        for process in wanted:
            supervisor.start_process(process.name)
        _wait_ready(installation, supervisor, wanted)
    say("Vetika is up.")


def stop(installation: Installation) -> bool:
    """Stop every process: what writes first, then what it writes to; whether anything ran."""
    supervisor = Supervisor(installation)
    ran = supervisor.running
    if ran:
        infrastructure = ("mongod", "kafka")
        supervisor.stop(state.name for state in supervisor.states() if state.name not in infrastructure)
    orphans = left_behind(installation)
    end(orphans)
    installation.forget()
    return ran or bool(orphans)


def _stay(installation: Installation, supervisor: Supervisor, *, say: Say) -> None:
    """Nothing is started twice; what was stopped by hand is started again."""
    offset = Installation.kept_in(installation.home).port_offset
    if offset != installation.port_offset:
        raise UserError(f"It is up with a port offset of {offset}: run `./vetika down` before you move it.")
    wanted = processes(installation)
    for process in wanted:
        supervisor.start_process(process.name)
    _wait_ready(installation, supervisor, wanted)
    say("Vetika is already up.")


@contextmanager
def _undone_on_failure(installation: Installation) -> Iterator[None]:
    try:
        yield
    except BaseException:
        stop(installation)
        raise


def _own_servers(installation: Installation) -> list[Server]:
    """The embedded servers that the installation uses: those that were not given."""
    mongod = [mongo_server(installation)] if installation.mongodb_given is None else []
    kafka = [kafka_server(installation)] if installation.kafka_given is None else []
    return [*mongod, *kafka]


def _start_infrastructure(
    installation: Installation, supervisor: Supervisor, wanted: Sequence[Process], *, say: Say
) -> None:
    servers = _own_servers(installation)
    if servers:
        say(f"Starting {' and '.join(server.title for server in servers)} …")
    for server in servers:
        supervisor.start_process(server.name)
    mongod, kafka = (
        {server.name: server.answers for server in servers if server.name == name}
        for name in ("mongod", "kafka")
    )
    _wait(mongod, installation=installation, supervisor=supervisor)
    say("Starting the services …")
    for process in wanted:
        # These do without Kafka for a while: they use the time in which it starts.
        if process.kind is Kind.SANDBOX or process.name.endswith("-api"):
            supervisor.start_process(process.name)
    _wait(kafka, installation=installation, supervisor=supervisor)
    for sentence in align_topics(kafka_access(installation)).left:
        say(sentence)


def _wait_ready(installation: Installation, supervisor: Supervisor, wanted: Iterable[Process]) -> None:
    _wait(
        {process.name: partial(_is_ok, process.ready_url) for process in wanted if process.ready_url},
        installation=installation,
        supervisor=supervisor,
    )


def _wait(
    questions: dict[str, Callable[[], bool]], *, installation: Installation, supervisor: Supervisor
) -> None:
    """Ask until each has said yes once; UserError when one dies again and again or the time is over."""
    deadline = time.monotonic() + READY_SECONDS
    dying_since: dict[str, float] = {}
    while True:
        questions = {name: ready for name, ready in questions.items() if not ready()}
        if not questions:
            return
        now = time.monotonic()
        for state in supervisor.states():
            if state.name not in questions:
                continue
            if state.state not in ("BACKOFF", "FATAL", "EXITED"):
                continue
            since = dying_since.setdefault(state.name, now)
            if state.state == "FATAL" or now - since > HOPELESS_SECONDS:
                raise UserError(f"{state.name} does not start: {_last_words(installation, state.name)}")
        if now > deadline:
            names = ", ".join(questions)
            first = next(iter(questions))
            raise UserError(f"Not ready after {READY_SECONDS} s: {names}: {_last_words(installation, first)}")
        time.sleep(POLL)


def _last_words(installation: Installation, name: str) -> str:
    """The line of a process's log that says most about why it does not run, and where the rest is."""
    log = installation.logs / f"{name}.log"
    try:
        lines = log.read_text(errors="replace").splitlines()[-50:]
    except OSError:
        lines = []
    # What is not JSON was printed in despair: the last line of a traceback, a complaint about settings.
    plain = [line.strip() for line in lines if line.strip() and not line.startswith("{")]
    errors = [message for message in map(_error_of, lines) if message]
    said = (plain or errors or ["it wrote nothing"])[-1]
    return f"{said[:LONGEST_WORDS]} (all of it: {log})"


def _error_of(line: str) -> str | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return str(record.get("message", "")) if record.get("level") in ("ERROR", "CRITICAL") else None


def _is_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
    except (urllib.error.URLError, OSError):
        return False


def _reach_given(installation: Installation) -> None:
    """Ask the servers that were given before anything is started."""
    if installation.kafka_given is not None:
        require_kafka(installation.kafka_given)
    if installation.mongodb_given is None:
        return
    try:
        with MongoClient[dict[str, Any]](installation.mongodb_given, serverSelectionTimeoutMS=5000) as client:
            hello = client.admin.command("hello")
    except PyMongoError as error:
        raise UserError(
            f"The MongoDB of VETIKA_MONGODB_URI does not answer ({type(error).__name__}): check the address, "
            "or unset it to use the embedded one."
        ) from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise UserError(
            "The MongoDB of VETIKA_MONGODB_URI is no replica set, and transactions need one: use --replSet."
        )
