"""`vetika secrets`."""

import argparse
import shutil
from pathlib import Path

from vetika_cli.credentials import Credentials
from vetika_cli.places import checkout


def make(arguments: argparse.Namespace) -> int:
    """Make the secrets that are missing, and `.env` from its example; say what was made, never its value."""
    folder: Path = arguments.to
    made = Credentials(folder).ensure()
    for path in made:
        print(f"made      {path}")
    if not made:
        print(f"All secrets are in {folder} already; nothing was changed.")
    settings = checkout() / ".env"
    if folder == checkout() / "secrets" and not settings.exists():
        shutil.copyfile(checkout() / ".env.example", settings)
        print(f"made      {settings}: read it, every setting is explained there")
    return 0
