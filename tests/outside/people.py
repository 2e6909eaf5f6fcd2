"""People who apply for a seat."""

import random
import secrets
import string
from dataclasses import dataclass, field
from typing import Any


@dataclass
class People:
    """People whom nobody else has thought of; every one is remembered."""

    made: list[dict[str, Any]] = field(default_factory=list)
    _random: random.Random = field(default_factory=lambda: random.Random(secrets.randbits(64)))  # noqa: S311 - names
    _first_phone: int = field(default_factory=lambda: 100_100 + secrets.randbelow(800_000))

    def new(self, **changed: Any) -> dict[str, Any]:
        """Return an application of a new person; a value of None leaves a field out."""
        number = len(self.made)
        word = "".join(self._random.choices(string.ascii_lowercase, k=9))
        khmer = "".join(self._random.choices("កខគឃងចឆជឈញដឋឌឍណតថទធនបផពភមយរលវសហឡអ", k=9))
        application = {
            "family_name": f"Chea{word[:5]}",
            "given_name": f"Soph{word[5:]}{number}",
            "name_km": f"ជា {khmer}",
            "gender": ("female", "male", "other", "undisclosed")[number % 4],
            "email": f"{word}{number}@people.example",
            "phone": f"+85512{self._first_phone + number}",
            "language": "en",
            "channels": ["email"],
            "organization": "Khmer Institute of Democracy",
            "stakeholder_category": "local_ngo",
            **changed,
        }
        self.made.append(application)
        return {name: value for name, value in application.items() if value is not None}

    @property
    def personal_data(self) -> set[str]:
        """Everything by which somebody could tell who any of them is."""
        names = ("family_name", "given_name", "name_km", "email", "phone")
        return {person[name] for person in self.made for name in names if person[name] is not None}
