"""Latency: from the 201 of a registration to the mail's acceptance by the SMTP server, one at a time.

The whole platform runs as `./vetika up` runs it. The mailbox notes when it accepted each mail, by the same
clock that notes when the answer was there.
"""

import secrets
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from _ground import ground, median, percentile

from vetika_cli.caller import Caller
from vetika_cli.platform import Platform

REGISTRATIONS = 200
WARM_UP = 10


def _open_forum(secretariat: Caller, anybody: Caller) -> str:
    start = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0) + timedelta(days=60)
    forum = secretariat.post(
        "meetings",
        "/v1/forums",
        {
            "theme": {"en": "Latency", "km": "ល្បឿន"},
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(hours=8)).isoformat(),
            "venue": {"name": {"en": "Phnom Penh"}},
            "capacity": 10_000,
        },
    )
    for step in ("announcement", "registration-opening"):
        secretariat.post("meetings", f"/v1/forums/{forum['id']}/{step}")
    while True:
        answer = anybody.request("GET", "registration", f"/v1/forums/{forum['id']}")
        if answer.ok and answer.json()["status"] == "open":
            return str(forum["id"])
        time.sleep(0.05)


def _register(anybody: Caller, forum_id: str, email: str) -> float:
    """Register somebody; return when the answer was there."""
    anybody.post(
        "registration",
        f"/v1/forums/{forum_id}/registrations",
        {
            "family_name": "Chea",
            "given_name": "Sophea",
            "name_km": "ជា សុភា",
            "gender": "female",
            "email": email,
            "language": "km",
            "stakeholder_category": "cbo",
        },
    )
    return time.time()


def _accepted_at(anybody: Caller, email: str) -> float:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found: list[dict[str, Any]] = anybody.get("mailbox", f"/messages?to={email}")["items"]
        if found:
            return datetime.fromisoformat(found[0]["received_at"]).timestamp()
        time.sleep(0.05)
    raise RuntimeError("a mail did not come within a minute")


def main() -> None:
    """Print the figures."""
    with ground() as place, tempfile.TemporaryDirectory() as folder:
        given = {"mongodb_uri": place.mongodb_uri, "kafka_bootstrap": place.kafka_bootstrap}
        with Platform(Path(folder), coalition=place.coalition, **given) as platform:
            platform.start()
            secretariat, anybody = platform.caller("secretariat"), platform.caller()
            forum_id = _open_forum(secretariat, anybody)
            seconds = []
            for number in range(WARM_UP + REGISTRATIONS):
                email = f"p{number}.{secrets.token_hex(4)}@people.example"
                answered = _register(anybody, forum_id, email)
                seconds.append(_accepted_at(anybody, email) - answered)
        measured = seconds[WARM_UP:]
        print(f"answer to accepted mail, {len(measured)} registrations one at a time:")
        print(f"median {median(measured):.0f} ms, p99 {percentile(measured, 0.99):.0f} ms")


if __name__ == "__main__":
    main()
