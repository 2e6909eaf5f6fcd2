"""Footprint: memory of everything that `./vetika up` starts, and seconds of a second start until ready."""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

VETIKA = Path(__file__).resolve().parents[1] / "vetika"
OFFSET = "7000"  # beside a run of the user's own


def _vetika(home: str, *arguments: str) -> str:
    done = subprocess.run(
        [VETIKA, *arguments],
        env={**os.environ, "VETIKA_HOME": home, "VETIKA_PORT_OFFSET": OFFSET},
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.stdout


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as home:
        _vetika(home, "up")
        _vetika(home, "down")
        started = time.perf_counter()
        _vetika(home, "up")
        seconds = time.perf_counter() - started
        try:
            rows = json.loads(_vetika(home, "status", "--json"))
        finally:
            _vetika(home, "down", "--purge")
        total = sum(row["memory"] for row in rows)
        print(f"second start until ready: {seconds:.1f} s")
        print(f"memory of {len(rows)} processes, shared pages counted once: {total / 2**20:,.0f} MiB")


if __name__ == "__main__":
    main()
