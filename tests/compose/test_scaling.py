"""Every kind of process scales by itself, ends in time, and dies without loss."""

import random
import re
import secrets
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from outside.people import People

SEATS, PEOPLE = 200, 600
KILLS = 12
# What may die while people register. The mailbox is not ours, and keeps what it has in memory for speed.
MORTAL = (
    *("registration-api", "registration-relay", "registration-worker"),
    *("notifications-relay", "notifications-worker", "notifications-sender"),
    *("registration-mongodb", "notifications-mongodb", "kafka", "gateway"),
)


def register(deployment, forum, people, *, threads=24):
    """Let people register at once, each until there is an answer; return what each was told."""
    url = f"{deployment.url('registration')}/v1/forums/{forum['id']}/registrations"

    def one(person):
        with requests.Session() as session:
            deadline = time.monotonic() + 240
            while True:
                try:
                    answer = session.post(
                        url, json=person, headers={"Idempotency-Key": person["email"]}, timeout=30
                    )
                except requests.ConnectionError:
                    answer = None  # the gateway itself is away
                if answer is not None and answer.status_code == 201:
                    return answer.json()
                assert answer is None or answer.status_code in {409, 429, 500, 502, 503, 504}, answer.text
                assert time.monotonic() < deadline, f"no answer: {answer and answer.text}"
                time.sleep(0.2)  # a caller who was told to come again does

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, people))


def seats_given(office, forum):
    """Who has a seat, and the numbers of those who wait."""
    found = office.registrations(forum["id"])
    confirmed = [one["id"] for one in found if one["status"] == "confirmed"]
    waiting = sorted(one["waitlist_number"] for one in found if one["status"] == "waitlisted")
    return confirmed, waiting


def test_three_apis_and_two_workers_share_the_work(deployment, hosted_office, eventually):
    """600 people for 200 seats over three replicas: exactly 200, no gap in line, each has its part."""
    try:
        deployment.up(scale={"registration-api": 3, "notifications-worker": 2})
        forum = hosted_office.forum(seats=SEATS)
        people = People()
        eventually(lambda: len(answering(deployment)) == 3, seconds=30)
        before = answering(deployment)
        receipts = register(deployment, forum, [people.new() for _ in range(PEOPLE)])
        assert sum(one["status"] == "confirmed" for one in receipts) == SEATS
        confirmed, waiting = seats_given(hosted_office, forum)
        assert len(confirmed) == SEATS
        assert waiting == list(range(1, PEOPLE - SEATS + 1))
        after = answering(deployment)
        shares = [after[one] - before[one] for one in before]
        assert min(shares) > PEOPLE / 20, shares
        # Six partitions of each of the three topics that notifications reads.
        eventually(lambda: sorted(partitions(deployment, "dfwg.notifications")) == [9, 9], seconds=60)
    finally:
        deployment.up()
    assert len(deployment.containers("registration-api")) == 1


def answering(deployment):
    """How many requests each replica of registration's API has answered, by container."""
    lines = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/metrics').read().decode())"
    found = {}
    for container in deployment.containers("registration-api"):
        told = deployment.run_in(container, "python", "-I", "-c", lines)
        counts = re.findall(r"^vetika_http_requests_total\{[^}]*\} ([0-9.e+]+)$", told, re.MULTILINE)
        found[container.id] = sum(float(count) for count in counts)
    return found


def partitions(deployment, group):
    """How many partitions each member of a consumer group has."""
    (kafka,) = deployment.containers("kafka")
    told = deployment.run_in(
        kafka,
        *("/opt/kafka/bin/kafka-consumer-groups.sh", "--bootstrap-server", "kafka:9092"),
        *("--describe", "--members", "--group", group),
    )
    return [int(line.split()[-1]) for line in told.splitlines() if line.startswith(group)]


@pytest.mark.parametrize("kind", ["api", "relay", "worker", "sender"])
def test_a_process_ends_within_ten_seconds_of_sigterm(deployment, kind):
    """With status 0, as its first process: nothing waits for the engine's patience to end."""
    service = f"notifications-{kind}"
    (container,) = deployment.containers(service)
    started = time.monotonic()
    subprocess.run(
        ["docker", "stop", "--time", "30", container.id], check=True, capture_output=True, timeout=60
    )
    took = time.monotonic() - started
    status = subprocess.run(
        ["docker", "inspect", "-f", "{{.State.ExitCode}}", container.id],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    deployment.up(service)
    assert (status, took < 10) == ("0", True), f"status {status} after {took:.1f} s"


@pytest.mark.parametrize("seed", [secrets.randbelow(10**6)])  # in the test's name, should it fail
def test_containers_die_at_random_and_nothing_is_lost(seed, deployment, hosted_office, mailpit, eventually):
    """Twelve crashes while 240 people register for 150 seats: promises are kept, and everybody is told."""
    chance = random.Random(seed)  # noqa: S311 - a drill's, to be played again
    forum = hosted_office.forum(seats=150)
    people = People()
    applications = [people.new() for _ in range(240)]
    with ThreadPoolExecutor(1) as callers:
        answers = callers.submit(register, deployment, forum, applications, threads=12)
        for _ in range(KILLS):
            victim = chance.choice(MORTAL)
            running = deployment.containers(victim)
            if running and running[0].pid:
                deployment.crash(running[0])
            time.sleep(chance.uniform(0.5, 2.5))  # the drill's own rhythm: nothing is waited for
        receipts = answers.result(timeout=300)
    told = {one["id"]: one["status"] for one in receipts}
    assert len(told) == len(applications)
    eventually(lambda: all_healthy(deployment), seconds=120)
    confirmed, waiting = eventually(lambda: settled(hosted_office, forum, len(applications)), seconds=60)
    assert len(confirmed) == 150
    assert waiting == list(range(1, 91))
    assert set(confirmed) == {one for one, status in told.items() if status == "confirmed"}

    expected = {person["email"] for person in applications}
    eventually(lambda: expected <= set(mailpit.recipients()), seconds=180)
    published = {
        event["subject"]
        for event in deployment.events()
        if event["type"] in {"registration.confirmed.v1", "registration.waitlisted.v1"}
    }
    assert set(told) <= published


def all_healthy(deployment):
    """Whether every container that can say how it is says that it is well."""
    return all(one.healthy for one in deployment.containers() if "Health" in one.state)


@pytest.mark.slow
def test_without_kafka_people_register_and_the_relay_is_unhealthy(deployment, hosted_office, eventually):
    """Who watches sees that nothing leaves; whoever registers does not. Back again, everything is told."""
    forum = hosted_office.forum(seats=5)
    deployment.compose("stop", "kafka")
    try:
        (receipt,) = register(deployment, forum, [People().new()], threads=1)
        assert receipt["status"] == "confirmed"
        eventually(lambda: not deployment.containers("registration-relay")[0].healthy, seconds=150)
        (api,) = deployment.containers("registration-api")
        assert api.healthy
    finally:
        deployment.compose("start", "kafka")
        eventually(lambda: all_healthy(deployment), seconds=180)
    eventually(
        lambda: receipt["id"] in {event["subject"] for event in of_forum(deployment, forum)}, seconds=90
    )


def settled(office, forum, count):
    """The seats, as soon as every registration is written down."""
    try:
        confirmed, waiting = seats_given(office, forum)
    except requests.RequestException:
        return None
    return (confirmed, waiting) if len(confirmed) + len(waiting) == count else None


def test_everything_is_still_there_after_down_and_up(deployment, hosted_office, eventually):
    """Seats, people and two years of events outlive their containers."""
    forum = hosted_office.forum(seats=1)
    receipts = register(deployment, forum, [People().new() for _ in range(2)], threads=1)
    eventually(lambda: len(of_forum(deployment, forum)) >= 4, seconds=60)
    before = of_forum(deployment, forum)
    deployment.down(volumes=False)
    assert deployment.containers() == []
    deployment.up()
    found = {one["id"]: one["status"] for one in hosted_office.registrations(forum["id"])}
    assert found == {one["id"]: one["status"] for one in receipts}
    assert {event["id"] for event in before} <= {event["id"] for event in of_forum(deployment, forum)}


def of_forum(deployment, forum):
    """What partners may read of a forum's plan and seats."""
    return [
        event
        for event in deployment.events()
        if event["data"].get("forum_id") == forum["id"] and not event["type"].startswith("delivery.")
    ]
