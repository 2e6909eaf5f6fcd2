"""Where things lie: the checkout, the installation's data and the cache of downloads."""

import os
from pathlib import Path


def checkout() -> Path:
    """The folder of the checkout that this command was installed from (editable)."""
    return Path(__file__).resolve().parents[3]


def home() -> Path:
    """Where this installation's data, secrets and logs live: VETIKA_HOME, else `.vetika/`."""
    given = os.environ.get("VETIKA_HOME")
    return Path(given).expanduser().resolve() if given else checkout() / ".vetika"


def cache() -> Path:
    """Where verified downloads live: VETIKA_CACHE, else `.vetika/cache` of the checkout.

    It does not move with VETIKA_HOME, so that a second installation or a test run downloads nothing again.
    """
    given = os.environ.get("VETIKA_CACHE")
    return Path(given).expanduser().resolve() if given else checkout() / ".vetika" / "cache"
