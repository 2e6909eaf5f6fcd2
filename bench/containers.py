"""Containers: size of the images, seconds until all is healthy, memory at rest and after a burst."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from vetika_cli.installation import SERVICES

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from containers.deployment import Deployment, why_not
from outside.office import Office
from outside.people import People

BASE = "python:3.12-slim"
PEOPLE, SEATS, CALLERS = 600, 200, 24
PATIENCE = 60.0  # seconds
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def main() -> None:
    """Print the figures."""
    if reason := why_not():
        print(f"left out: {reason}")
        return
    with tempfile.TemporaryDirectory() as folder:
        settings = {"VETIKA_RATE": "5000", "VETIKA_RATE_BURST": "5000"}
        deployment = Deployment(Path(folder), settings=settings)
        deployment.compose("build", timeout=1200)
        _images()
        try:
            print(f"first start until all is healthy: {_start(deployment):.1f} s")
            deployment.down(volumes=False)
            print(f"second start until all is healthy: {_start(deployment):.1f} s")
            rest = _memory(deployment)
            _burst(deployment)
            after = _memory(deployment)
        finally:
            deployment.down(volumes=True)
    print(f"\n{'memory, MiB':<28}{'at rest':>8}{'after':>8}{'limit':>8}")
    for service in sorted(rest):
        used, limit = after[service]
        print(f"{service:<28}{rest[service][0]:>8.0f}{used:>8.0f}{limit:>8.0f}")
    sums = [sum(one) for one in zip(*[(rest[name][0], *after[name]) for name in rest], strict=True)]
    print(f"{'all':<28}{sums[0]:>8.0f}{sums[1]:>8.0f}{sums[2]:>8.0f}")


def _images() -> None:
    names = [*(f"vetika/{service}:0.1.0" for service in SERVICES), "vetika/tools:0.1.0"]
    base = _size(BASE)
    for name in names:
        print(f"{name:<32}{(_size(name) - base) / 1e6:>6.0f} MB beside {BASE}")


def _size(image: str) -> int:
    shown = subprocess.run(["docker", "image", "inspect", image], check=True, capture_output=True)
    return int(json.loads(shown.stdout)[0]["Size"])


def _start(deployment: Deployment) -> float:
    started = time.perf_counter()
    deployment.up()
    return time.perf_counter() - started


def _memory(deployment: Deployment) -> dict[str, tuple[float, float]]:
    """Return what each service's container uses and may use, in MiB."""
    named = {container.id: container.service for container in deployment.containers()}
    command = ["docker", "stats", "--no-stream", "--no-trunc", "--format", "{{json .}}", *named]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {}
    for line in map(json.loads, shown.splitlines()):
        used, limit = (_mebibytes(part) for part in line["MemUsage"].split(" / "))
        found[named[line["ID"]]] = used, limit
    return found


def _mebibytes(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]+)", text.strip()).groups()
    return float(number) * UNITS[unit] / 2**20


def _burst(deployment: Deployment) -> None:
    office = Office(secretariat=deployment.caller("secretariat"), eventually=_eventually)
    forum = office.forum(seats=SEATS)
    people = People()
    url = f"{deployment.url('registration')}/v1/forums/{forum['id']}/registrations"

    def register(person: dict[str, str]) -> None:
        headers = {"Idempotency-Key": person["email"]}
        requests.post(url, json=person, headers=headers, timeout=60).raise_for_status()

    started = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(register, [people.new() for _ in range(PEOPLE)]))
    print(f"{PEOPLE} people for {SEATS} seats through the gateway: {time.perf_counter() - started:.1f} s")
    mails = f"http://127.0.0.1:{deployment.mailbox_port}/api/v1/messages?limit=1"
    _eventually(lambda: requests.get(mails, timeout=10).json()["total"] >= PEOPLE, seconds=120)
    print(f"until every mail had left: {time.perf_counter() - started:.1f} s")


def _eventually(predicate: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := predicate()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing came within {seconds} s")
        time.sleep(0.1)
    return found


if __name__ == "__main__":
    main()
