"""The office: the secretariat at work."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from vetika_cli.caller import Caller


@dataclass(frozen=True, kw_only=True)
class Office:
    """The secretariat at work, over HTTP."""

    secretariat: Caller
    eventually: Callable[..., Any]

    def forum(self, *, seats: int = 200, days_ahead: int = 60, **changed: Any) -> dict[str, Any]:
        """Draft, announce and open a forum, and wait until people can register for it."""
        forum = self.announced(seats=seats, days_ahead=days_ahead, **changed)
        opened = self.secretariat.post("meetings", f"/v1/forums/{forum['id']}/registration-opening")
        self.eventually(lambda: self.status(forum["id"]) == "open", seconds=20)
        return dict(opened)

    def announced(self, *, seats: int, days_ahead: int = 60, **changed: Any) -> dict[str, Any]:
        """Draft and announce a forum."""
        day = datetime.now(UTC).replace(hour=1, minute=30, second=0, microsecond=0)
        starts = day + timedelta(days=days_ahead)
        plan = {
            "theme": {"en": "Decentralization and Gender", "km": "វិមជ្ឈការ និងយេនឌ័រ"},
            "starts_at": starts.isoformat(),
            "ends_at": (starts + timedelta(hours=8)).isoformat(),
            "venue": {
                "name": {"en": "Chaktomuk Conference Hall", "km": "សាលសន្និសីទចតុមុខ"},
                "address": {"en": "Sisowath Quay, Phnom Penh", "km": "ព្រះស៊ីសុវត្ថិ ភ្នំពេញ"},
            },
            "capacity": seats,
            **changed,
        }
        forum = self.secretariat.post("meetings", "/v1/forums", plan)
        return dict(self.secretariat.post("meetings", f"/v1/forums/{forum['id']}/announcement"))

    def status(self, forum_id: str) -> str | None:
        """Return a forum's status as registration knows it; None while it knows none."""
        answer = self.secretariat.request("GET", "registration", f"/v1/forums/{forum_id}")
        return str(answer.json()["status"]) if answer.ok else None

    def registrations(self, forum_id: str) -> list[dict[str, Any]]:
        """Return every registration of a forum, page by page."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": 200}
        while True:
            page = self.secretariat.get("registration", f"/v1/forums/{forum_id}/registrations", params=query)
            found.extend(page["items"])
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]

    def statistics(self, forum_id: str) -> dict[str, Any]:
        """Return a forum in numbers."""
        return dict(self.secretariat.get("registration", f"/v1/forums/{forum_id}/statistics"))
