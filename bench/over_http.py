"""HTTP: registrations through gunicorn, beside a bare Flask route of one conditional update and one insert.

Both run under the same gunicorn settings (2 gthread workers of 8 threads) against the same MongoDB, with
8 and with 32 callers; the rounds alternate in one run. Every request of ours carries an Idempotency-Key.
Last, 600 people apply for 200 seats at once.
"""

import argparse
import http.client
import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from _ground import ground, percentile
from flask import Flask, request
from gunicorn.app.base import BaseApplication
from pymongo import MongoClient

from registration.domain.categories import ForumStatus
from registration.domain.placement import SeatPolicy
from registration.service import SERVICE
from registration.store.ledger import Ledgers, following
from vetika_cli.embedded import free_port
from vetika_kit.clock import SystemClock
from vetika_kit.http.tokens import new_private_key, public_key_set
from vetika_kit.ids import new_id
from vetika_kit.mongo import service_database

WORKERS: Final = 2
THREADS: Final = 8
REQUESTS: Final = 1_200  # in one round
ROUNDS: Final = 5
FORUM: Final = "f-bench"

Answer = tuple[int, float]


def bare_app(uri: str, coalition: str) -> Flask:
    """Return the raw limit: what the two writes cost behind Flask, and nothing else."""
    app = Flask("bare")
    opened: list[Any] = []
    lock = threading.Lock()

    def database() -> Any:
        with lock:
            if not opened:
                client: MongoClient[dict[str, Any]] = MongoClient(
                    uri, w="majority", journal=True, maxPoolSize=64
                )
                opened.append(client[f"{coalition}_bare"])
        return opened[0]

    @app.post("/v1/forums/<forum_id>/registrations")
    def register(forum_id: str) -> Any:
        body = request.get_json()
        taken = database()["forums"].update_one(
            {"_id": forum_id, "taken": {"$lt": 1_000_000}}, {"$inc": {"taken": 1}}
        )
        if not taken.modified_count:
            return {"status": "full"}, 409
        registration_id = new_id()
        database()["registrations"].insert_one({"_id": registration_id, "forum_id": forum_id, **body})
        return {"id": registration_id, "status": "confirmed"}, 201

    @app.get("/readyz")
    def ready() -> Any:
        return {}

    return app


class _Bare(BaseApplication):  # type: ignore[misc] # gunicorn publishes no types
    def __init__(self, app: Flask, port: int) -> None:
        self._app, self._port = app, port
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": f"127.0.0.1:{self._port}",
            "workers": WORKERS,
            "threads": THREADS,
            "worker_class": "gthread",
            "loglevel": "warning",
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


@contextmanager
def _serving(command: Sequence[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    server = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not _ready(port):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{command} does not start")
        time.sleep(0.1)
    try:
        yield port
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _application(number: int) -> bytes:
    """Return the application of somebody who never applied before: a new number each millisecond."""
    return json.dumps(
        {
            "family_name": "Chea",
            "given_name": "Sophea",
            "name_km": "ជា សុភា",
            "gender": "female",
            "email": f"p{number}.{secrets.token_hex(6)}@people.example",
            "phone": f"+85588{number % 10_000_000:07}",
            "language": "km",
            "channels": ["email"],
            "organization": "Commune Council of Prey Kabbas",
            "stakeholder_category": "local_government",
            "role": "participant",
        },
        ensure_ascii=False,
    ).encode()


def be_callers(port: int, callers: int, requests: int, forum_id: str) -> list[Answer]:
    """Send requests over kept connections; return each answer's status and seconds."""
    first = int(time.time() * 1000)
    bodies = [_application(first + number) for number in range(requests)]
    local = threading.local()

    def call(body: bytes) -> Answer:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection = local.connection
        headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(12)}
        started = time.perf_counter()
        try:
            connection.request("POST", f"/v1/forums/{forum_id}/registrations", body=body, headers=headers)
        except http.client.RemoteDisconnected:  # the server closed an idle connection
            connection.close()
            connection.request("POST", f"/v1/forums/{forum_id}/registrations", body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.perf_counter() - started

    with ThreadPoolExecutor(callers) as threads:
        return list(threads.map(call, bodies))


def _round(port: int, callers: int, requests: int, forum_id: str) -> tuple[float, list[Answer]]:
    """Run the callers in a process of their own, as they would be."""
    done = subprocess.run(
        [sys.executable, __file__, "callers", str(port), str(callers), str(requests), forum_id],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    report = json.loads(done.stdout)
    return requests / report["wall"], [(status, seconds) for status, seconds in report["answers"]]


def _open_forum(ledgers: Ledgers, forum_id: str, capacity: int) -> None:
    ledgers.collection.bulk_write(
        [
            following(
                forum_id,
                version=1,
                policy=SeatPolicy(capacity=capacity),
                status=ForumStatus.OPEN,
                now=SystemClock().now() - timedelta(minutes=1),
            )
        ]
    )


def _measure(ports: dict[str, int]) -> None:
    for callers in (8, 32):
        rates: dict[str, list[float]] = {name: [] for name in ports}
        waits: dict[str, list[float]] = {name: [] for name in ports}
        for _ in range(ROUNDS):
            for name, port in ports.items():
                rate, answers = _round(port, callers, REQUESTS, FORUM)
                wrong = Counter(status for status, _ in answers if status != 201)
                if wrong:
                    raise RuntimeError(f"{name}: {wrong}")
                rates[name].append(rate)
                waits[name].extend(seconds for _, seconds in answers)
        for name in ports:
            print(
                f"{callers} callers, {name}: {statistics.median(rates[name]):,.0f}/s, "
                f"median {percentile(waits[name], 0.5):.1f} ms, p99 {percentile(waits[name], 0.99):.1f} ms"
            )
        ratio = statistics.median(rates["ours"]) / statistics.median(rates["bare"])
        print(f"{callers} callers, ratio: {ratio:.2f}")


def _rush(database: Any, port: int) -> None:
    ledgers = Ledgers(database)
    _open_forum(ledgers, "f-rush", 200)
    rate, answers = _round(port, 32, 600, "f-rush")
    found = database["registrations"]
    confirmed = found.count_documents({"forum_id": "f-rush", "status": "confirmed"})
    numbers = sorted(
        one["waitlist_number"] for one in found.find({"forum_id": "f-rush", "status": "waitlisted"})
    )
    print(
        f"600 applications for 200 seats: {600 / rate:.2f} s, {confirmed} confirmed, "
        f"{len(numbers)} waitlisted, numbers gapless: {numbers == list(range(1, 401))}, "
        f"answers {dict(Counter(status for status, _ in answers))}"
    )


def main() -> None:
    """Print the figures."""
    with ground() as place, tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "jwks.json"
        keys.write_text(json.dumps(public_key_set(new_private_key(kid="embedded-bench"))))
        client: MongoClient[dict[str, Any]] = MongoClient(
            place.mongodb_uri, tz_aware=True, w="majority", journal=True
        )
        database = service_database(client, coalition=place.coalition, service="registration")
        SERVICE.prepare(database, coalition=place.coalition, clock=SystemClock())
        _open_forum(Ledgers(database), FORUM, 1_000_000)
        client[f"{place.coalition}_bare"]["forums"].insert_one({"_id": FORUM, "taken": 0})
        port, bare_port = free_port(), free_port()
        environment = {
            "VETIKA_COALITION": place.coalition,
            "VETIKA_MODE": "embedded",
            "VETIKA_MONGODB_URI": place.mongodb_uri,
            "VETIKA_KAFKA_BOOTSTRAP": place.kafka_bootstrap,
            "VETIKA_JWKS_FILE": str(keys),
            "VETIKA_MANAGE_SECRET": "a secret of the benchmarks, long enough",
            "VETIKA_HTTP_PORT": str(port),
            "VETIKA_API_WORKERS": str(WORKERS),
            "VETIKA_API_THREADS": str(THREADS),
        }
        bare = [sys.executable, __file__, "bare", str(bare_port), place.mongodb_uri, place.coalition]
        with (
            _serving([sys.executable, "-m", "registration", "api"], port, environment),
            _serving(bare, bare_port, {}),
        ):
            _measure({"bare": bare_port, "ours": port})
            _rush(database, port)


def _be_callers(port: str, callers: str, requests: str, forum_id: str) -> None:
    be_callers(
        int(port), int(callers), int(callers), "nowhere"
    )  # connections, and the workers' first request
    started = time.perf_counter()
    answers = be_callers(int(port), int(callers), int(requests), forum_id)
    print(json.dumps({"wall": time.perf_counter() - started, "answers": answers}))


def _be_bare(port: str, uri: str, coalition: str) -> None:
    _Bare(bare_app(uri, coalition), int(port)).run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("child", nargs="*")
    child = parser.parse_args().child
    kinds: dict[str, Callable[..., None]] = {"callers": _be_callers, "bare": _be_bare}
    if child:
        role, *rest = child
        sys.argv = sys.argv[:1]  # gunicorn reads them too
        kinds[role](*rest)
    else:
        main()
