"""The shared libraries that mongod links to and a bare machine may lack (Debian's smallest has no libcurl).

They are taken from the wheel of pycurl, which carries libcurl and OpenSSL, without installing it: the wheel
of `libraries.lock` is unpacked into the cache, once, and only where something is missing.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

from vetika_cli.errors import UserError
from vetika_cli.places import cache

LOCK: Final = Path(__file__).with_name("libraries.lock")
# Soname that mongod asks for: the file of the wheel, and the Debian package that has it.
SUBSTITUTES: Final = {
    "libcurl.so.4": ("libcurl-*.so.4*", "libcurl4"),
    "libssl.so.3": ("libssl-*.so.3", "libssl3"),
    "libcrypto.so.3": ("libcrypto-*.so.3", "libssl3"),
}


def missing_libraries(binary: Path) -> list[str]:
    """The shared libraries that the program needs and the machine does not have."""
    ldd = shutil.which("ldd")
    if ldd is None:
        return []
    listed = subprocess.run(  # noqa: S603 - the command is ours
        [ldd, str(binary)], capture_output=True, text=True, check=False
    )
    return [line.split()[0] for line in listed.stdout.splitlines() if line.endswith("not found")]


def packages_with(libraries: Collection[str]) -> str:
    """The Debian packages that have the libraries, for `apt install`."""
    return " ".join(sorted({SUBSTITUTES.get(library, ("", library))[1] for library in libraries}))


def library_path(binary: Path) -> str | None:
    """What LD_LIBRARY_PATH must be for the program to find all; None when the machine has all.

    UserError when something is missing that cannot be had.
    """
    missing = missing_libraries(binary)
    if not missing:
        return None
    folder = cache() / "libraries"
    if not _has(folder, missing):
        _fetch(folder, missing)
    return f"{folder}:{folder / 'pycurl.libs'}"


def _has(folder: Path, libraries: Collection[str]) -> bool:
    return all((folder / library).exists() for library in libraries)


def _fetch(folder: Path, libraries: Collection[str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="libraries-", dir=folder.parent))
    try:
        fetched = subprocess.run(  # noqa: S603 - the command is ours
            [
                *(
                    sys.executable,
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-input",
                ),
                *("--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)),
                # One wheel, whichever Python runs this: only its libraries are used.
                *("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64"),
                *("--target", str(work / "wheel")),
            ],
            capture_output=True,
            check=False,
        )
        for library in libraries:
            pattern = SUBSTITUTES.get(library, ("nothing", ""))[0]
            found = sorted((work / "wheel" / "pycurl.libs").glob(pattern))
            if fetched.returncode != 0 or not found:
                names = ", ".join(libraries)
                raise UserError(
                    f"The embedded MongoDB needs {names}, which is not on this machine and could not be "
                    f"fetched: install it with `apt install {packages_with(libraries)}`, or mend the network."
                )
            (work / "wheel" / library).symlink_to(Path("pycurl.libs") / found[0].name)
        shutil.rmtree(folder, ignore_errors=True)
        (work / "wheel").rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
