"""Admission: registrations a second at the ledger, beside one bare conditional update and one bare insert.

Both run as 2 processes of 16 threads on one forum, majority and journal; the rounds alternate in one run.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from _ground import Ground, ground, percentile
from pymongo import MongoClient
from pymongo.database import Database

from registration.admissions import Admissions
from registration.domain.applications import Affiliation, OrganizationChoice, Person, RegistrationForm
from registration.domain.categories import Channel, ForumStatus, Gender, Language, StakeholderCategory
from registration.domain.placement import SeatPolicy
from registration.settlement import Settlement
from registration.store.drafting import Draft
from registration.store.ledger import Ledgers, following
from registration.store.registrations import Registrations
from vetika_kit.clock import SystemClock
from vetika_kit.ids import new_id
from vetika_kit.mongo import service_database

PROCESSES = 2
THREADS = 16
EACH = 1_500  # registrations of one process in one round
ROUNDS = 5
SECRET = b"a secret of the benchmarks, long enough"

Document = dict[str, object]


def _database(place: Ground) -> "Database[Document]":
    client: MongoClient[Document] = MongoClient(
        place.mongodb_uri, tz_aware=True, w="majority", journal=True, maxPoolSize=64
    )
    return service_database(client, coalition=place.coalition, service="registration")


def _draft(forum_id: str, number: int) -> Draft:
    form = RegistrationForm(
        person=Person(
            family_name="Chea",
            given_name=f"Sophea {number}",
            gender=Gender.FEMALE,
            email=f"person{number}.{new_id()}@people.example",
            language=Language.KHMER,
            channels=(Channel.EMAIL,),
        ),
        organization=OrganizationChoice(name="Commune Council"),
        stakeholder_category=StakeholderCategory.LOCAL_GOVERNMENT,
    )
    return Draft(
        registration_id=new_id(),
        forum_id=forum_id,
        form=form,
        affiliation=Affiliation(name="Commune Council"),
    )


def _ours(database: "Database[Document]", forum_id: str) -> Callable[[int], object]:
    clock = SystemClock()
    ledgers, registrations = Ledgers(database), Registrations(database, clock=clock)
    settlement = Settlement(ledgers=ledgers, registrations=registrations, clock=clock)
    admissions = Admissions(
        ledgers=ledgers, registrations=registrations, settlement=settlement, secret=SECRET, clock=clock
    )
    return lambda number: admissions.admit(_draft(forum_id, number))


def _bare(database: "Database[Document]", forum_id: str) -> Callable[[int], object]:
    def register(number: int) -> None:
        taken = database["bare_forums"].update_one(
            {"_id": forum_id, "taken": {"$lt": 1_000_000}}, {"$inc": {"taken": 1}}
        )
        if taken.modified_count:
            draft = _draft(forum_id, number)
            person = draft.form.person
            database["bare_registrations"].insert_one(
                {
                    "_id": draft.registration_id,
                    "forum_id": forum_id,
                    "email": person.email,
                    "name": person.given_name,
                }
            )

    return register


def _be_a_process(kind: str, uri: str, coalition: str, forum_id: str) -> None:
    database = _database(Ground(mongodb_uri=uri, kafka_bootstrap="", coalition=coalition))
    register = {"ours": _ours, "bare": _bare}[kind](database, forum_id)

    def timed(number: int) -> float:
        started = time.perf_counter()
        register(number)
        return time.perf_counter() - started

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(timed, range(THREADS)))  # connections
        print("ready", flush=True)
        sys.stdin.readline()
        started = time.time()
        seconds = list(threads.map(timed, range(EACH)))
        print(json.dumps({"started": started, "ended": time.time(), "seconds": seconds}))


def _round(place: Ground, kind: str) -> tuple[float, list[float]]:
    forum_id = new_id()
    database = _database(place)
    database["bare_forums"].insert_one({"_id": forum_id, "taken": 0})
    _open_forum(Ledgers(database), forum_id)
    children = [
        subprocess.Popen(
            [sys.executable, __file__, kind, place.mongodb_uri, place.coalition, forum_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for child in children:
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        child.stdout.readline()
    reports = []
    for child in children:
        assert child.stdin is not None  # noqa: S101 - a pipe was asked for
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        out, _ = child.communicate(timeout=300)
        reports.append(json.loads(out))
    wall = max(report["ended"] for report in reports) - min(report["started"] for report in reports)
    return PROCESSES * EACH / wall, [value for report in reports for value in report["seconds"]]


def _open_forum(ledgers: Ledgers, forum_id: str) -> None:
    now = SystemClock().now()
    policy = SeatPolicy(capacity=1_000_000)
    ledgers.collection.bulk_write(
        [following(forum_id, version=1, policy=policy, status=ForumStatus.OPEN, now=now)]
    )


def main() -> None:
    """Print the figures."""
    with ground() as place:
        registrations = Registrations(_database(place), clock=SystemClock())
        registrations.ensure_indexes()
        registrations.aggregates.ensure_indexes()
        rates: dict[str, list[float]] = {"bare": [], "ours": []}
        waits: dict[str, list[float]] = {"bare": [], "ours": []}
        for _ in range(ROUNDS):
            for kind, measured in rates.items():
                rate, seconds = _round(place, kind)
                measured.append(rate)
                waits[kind].extend(seconds)
        for kind, measured in rates.items():
            print(
                f"{kind}: {statistics.median(measured):,.0f} registrations/s, "
                f"median {percentile(waits[kind], 0.5):.1f} ms, p99 {percentile(waits[kind], 0.99):.1f} ms"
            )
        print(f"ratio: {statistics.median(rates['ours']) / statistics.median(rates['bare']):.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("child", nargs="*")
    child = parser.parse_args().child
    if child:
        _be_a_process(*child)
    else:
        main()
