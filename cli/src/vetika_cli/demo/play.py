"""The forum's way from the first organization to the last message, as its people would go it."""

import csv
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from vetika_cli.caller import Caller
from vetika_cli.errors import UserError

SEATS: Final = 200
CANCELLATIONS: Final = 8  # people who give their seats back
PATIENCE: Final = 180.0  # seconds until something that does not come counts as broken
POLL: Final = 0.1
PHNOM_PENH: Final = ZoneInfo("Asia/Phnom_Penh")
MOVING: Final = frozenset({"awaiting_contact", "queued", "sending"})

Document = dict[str, Any]


class Play:
    """One forum, played through the services' own APIs."""

    def __init__(self, *, secretariat: Caller, anybody: Caller, data: Path, console: Console) -> None:
        self.secretariat = secretariat
        self._anybody = anybody
        self._data = data
        self._console = console

    def run(self) -> tuple[str, Document]:
        """Play it; return the forum's id and the report of the import."""
        progress = Progress(
            TextColumn("{task.description:<46}"), BarColumn(), MofNCompleteColumn(), console=self._console
        )
        with progress:
            members = self._join(progress)
            forum = self._open_forum(progress, host=members[0])
            imported = self._import(progress, forum["id"])
            self._cancel(progress, forum["id"])
            self._wait_for_messages(progress, forum["id"])
        return forum["id"], imported

    def _join(self, progress: Progress) -> list[Document]:
        rows = _rows(self._data / "organizations.csv")
        members = {one["name"]: one for one in self._all("registration", "/v1/organizations")}
        for row in progress.track(rows, description="Organizations apply and are admitted"):
            if row["name"] in members:
                continue
            applied = self._anybody.post(
                "registration",
                "/v1/organizations",
                {
                    "name": row["name"],
                    "acronym": row["acronym"],
                    "stakeholder_category": row["stakeholder_category"],
                    "contact": {"name": "Secretary", "email": _office(row["acronym"])},
                },
                headers={"Idempotency-Key": f"demo {row['name']}"},
            )
            members[row["name"]] = self.secretariat.post(
                "registration", f"/v1/organizations/{applied['id']}/admission"
            )
        return [members[row["name"]] for row in rows]

    def _open_forum(self, progress: Progress, *, host: Document) -> Document:
        steps = progress.add_task("The forum is announced and opened", total=4)
        plan = _plan(host["id"])
        # Meetings hears of the host by an event, a moment after it was admitted.
        drafted: Document = self._eventually(
            lambda: self._drafted(plan), "meetings knows the host organization"
        )
        progress.advance(steps)
        for step in ("announcement", "registration-opening"):
            self.secretariat.post("meetings", f"/v1/forums/{drafted['id']}/{step}")
            progress.advance(steps)
        path = f"/v1/forums/{drafted['id']}"

        def is_open() -> bool:
            answer = self._anybody.request("GET", "registration", path)
            return bool(answer.ok and answer.json()["status"] == "open")

        self._eventually(is_open, "registration opens")
        progress.advance(steps)
        return drafted

    def _drafted(self, plan: Document) -> Document | None:
        answer = self.secretariat.request("POST", "meetings", "/v1/forums", json=plan)
        if answer.status_code in {409, 422}:
            return None
        answer.raise_for_status()
        drafted: Document = answer.json()
        return drafted

    def _import(self, progress: Progress, forum_id: str) -> Document:
        steps = progress.add_task("The list of applications is imported", total=None)
        content = (self._data / "participants.csv").read_bytes()
        imported: Document = self.secretariat.post(
            "registration",
            f"/v1/forums/{forum_id}/imports",
            data=content,
            headers={"Content-Type": "text/csv"},
        )
        progress.update(steps, total=imported["rows"], completed=imported["rows"])
        return imported

    def _cancel(self, progress: Progress, forum_id: str) -> None:
        """Let some people give their seats back, by the secretariat; the waitlist moves at once."""
        path = f"/v1/forums/{forum_id}/registrations?status=confirmed&limit=200"
        confirmed = self._all("registration", path)
        chosen = confirmed[:: max(1, len(confirmed) // CANCELLATIONS)][:CANCELLATIONS]
        for one in progress.track(chosen, description="Some cancel, and the first in line move up"):
            self.secretariat.post("registration", f"/v1/registrations/{one['id']}/cancellation")

    def _wait_for_messages(self, progress: Progress, forum_id: str) -> None:
        steps = progress.add_task("E-mails and SMS leave", total=None)
        expected = self._expected(forum_id)

        def all_left() -> bool:
            path = f"/v1/deliveries/statistics?forum_id={forum_id}"
            counts = self.secretariat.get("notifications", path)["counts"]
            planned = sum(one["deliveries"] for one in counts)
            left = sum(one["deliveries"] for one in counts if one["state"] not in MOVING)
            progress.update(steps, total=max(planned, 1), completed=left)
            reported = all(one["state"] != "sent" for one in counts if one["channel"] == "sms")
            return planned >= expected and left == planned and reported

        self._eventually(all_left, "every message leaves")

    def _expected(self, forum_id: str) -> int:
        """Count the messages that are due: each step of a registration, on each channel of its person."""
        total = 0
        for one in self._all("registration", f"/v1/forums/{forum_id}/registrations?limit=200"):
            promoted = one["waitlist_number"] is not None and one["status"] == "confirmed"
            steps = 1 + promoted + (one["status"] == "cancelled")
            total += steps * len(one["person"]["channels"])
        return total

    def _all(self, service: str, path: str) -> list[Document]:
        """Return a whole list, page by page."""
        found: list[Document] = []
        cursor = ""
        while True:
            joint = "&" if "?" in path else "?"
            page = self.secretariat.get(service, f"{path}{joint}cursor={cursor}" if cursor else path)
            found += page["items"]
            cursor = page["next"]
            if not cursor:
                return found

    def _eventually(self, look: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise UserError(
                    f"Waited {PATIENCE:.0f} s until {what}: look at `./vetika status` and `./vetika logs`."
                )
            time.sleep(POLL)
        return seen


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise UserError(f"There is no {path}: give a folder with the example data by --data.") from error


def _office(acronym: str) -> str:
    letters: Iterable[str] = (sign if sign.isascii() and sign.isalnum() else "-" for sign in acronym.lower())
    return f"office@{''.join(letters)}.example"


def _plan(host_id: str) -> Document:
    """Return a forum of one day in Phnom Penh, two months ahead."""
    day = (datetime.now(PHNOM_PENH) + timedelta(days=60)).replace(minute=0, second=0, microsecond=0)

    def at(hour: int, **before: int) -> str:
        return (day.replace(hour=hour) - timedelta(**before)).astimezone(UTC).isoformat()

    return {
        "theme": {"en": "Decentralization and Gender", "km": "វិមជ្ឈការ និងយេនឌ័រ"},
        "description": {
            "en": "What councils, civil society and donors have learned about women's voices in decisions.",
            "km": "អ្វីដែលក្រុមប្រឹក្សាឃុំ សង្គមស៊ីវិល និងម្ចាស់ជំនួយ បានរៀនសូត្រអំពីសំឡេងស្ត្រីក្នុងការសម្រេចចិត្តនៅមូលដ្ឋាន។",
        },
        "starts_at": at(8),
        "ends_at": at(17),
        "venue": {
            "name": {"en": "Cambodia-Japan Cooperation Center", "km": "មជ្ឈមណ្ឌលសហប្រតិបត្តិការកម្ពុជា-ជប៉ុន"},
            "address": {"en": "Russian Federation Boulevard, Phnom Penh", "km": "មហាវិថីសហព័ន្ធរុស្ស៊ី រាជធានីភ្នំពេញ"},
        },
        "capacity": SEATS,
        "host_organization_id": host_id,
        "registration_closes_at": at(17, days=3),
        "seat_policy": {
            "reserved": {"local_government": 40, "cbo": 20},
            "release_at": at(8, days=7),
            "organization_limit": None,
        },
    }
