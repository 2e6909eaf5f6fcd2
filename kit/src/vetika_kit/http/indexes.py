"""The indexes of what HTTP and operators keep in a service's database."""

from typing import Any, Final

from pymongo import ASCENDING
from pymongo.database import Database

IDEMPOTENCY_KEPT: Final = 48 * 3600  # seconds; longer than a phone stays without a network between two tries


def ensure_indexes(database: "Database[dict[str, Any]]") -> None:
    """Make the indexes; again changes nothing."""
    database["idempotency_keys"].create_index(
        [("at", ASCENDING)], expireAfterSeconds=IDEMPOTENCY_KEPT, name="expiry"
    )
