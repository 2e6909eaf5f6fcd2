"""`vetika test`, `vetika bench` and `vetika check`: the developers' commands."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vetika_cli.errors import UserError
from vetika_cli.places import checkout


def test(arguments: argparse.Namespace) -> int:
    """Run pytest in the checkout, without the slow drills unless `--all`."""
    slow = [] if arguments.all else ["-m", "not slow"]
    return _run([sys.executable, "-m", "pytest", *slow, *arguments.pytest])


def bench(arguments: argparse.Namespace) -> int:
    """Run the scripts of `bench/` one after the other; the status of the first that failed."""
    folder = checkout() / "bench"
    scripts = {path.stem: path for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")}
    if unknown := [name for name in arguments.name if name not in scripts]:
        raise UserError(f"There is no benchmark {unknown[0]!r}; there are: {', '.join(scripts) or 'none'}.")
    failed = 0
    for name in arguments.name or scripts:
        print(f"── {name}", flush=True)
        failed = failed or _run([sys.executable, str(scripts[name])])
    return failed


def check(_: argparse.Namespace) -> int:
    """Run all checks, also after one failed, and name those that did; 1 when any did."""
    programs = Path(sys.executable).parent
    checks: dict[str, Sequence[str]] = {
        "ruff check": [str(programs / "ruff"), "check", "--quiet", "."],
        "ruff format": [str(programs / "ruff"), "format", "--check", "--quiet", "."],
        "mypy": [sys.executable, "-m", "mypy"],
        "imports": [str(programs / "lint-imports"), "--no-logo"],
        "contracts": [sys.executable, "-m", "vetika_cli", "contracts", "--check"],
    }
    failed = []
    for name, command in checks.items():
        print(f"── {name}", flush=True)
        if _run(command) != 0:
            failed.append(name)
    print(f"Failed: {', '.join(failed)}." if failed else "All checks pass.", flush=True)
    return 1 if failed else 0


def _run(command: Sequence[str]) -> int:
    """Run in the checkout with our own input and output; 130 when interrupted."""
    try:
        return subprocess.run(command, cwd=checkout(), check=False).returncode  # noqa: S603 - commands are ours
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is not installed: start this through ./vetika.") from error
