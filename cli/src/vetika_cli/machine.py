"""What this machine must have for an embedded run; each lack is one sentence that says what to do."""

import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from vetika_cli.embedded.libraries import library_path
from vetika_cli.embedded.mongodb import mongod_binary
from vetika_cli.errors import UserError
from vetika_cli.installation import Installation
from vetika_cli.ports import is_taken

CPU_INFO: Final = Path("/proc/cpuinfo")
LEAST_SPACE: Final = 1 << 30  # bytes: Kafka's jars, MongoDB's journal and oplog, logs
OTHER_WAYS: Final = (
    "set VETIKA_MONGODB_URI and VETIKA_KAFKA_BOOTSTRAP to servers of your own, or use `docker compose up`."
)


def lacks(installation: Installation) -> Iterator[str]:
    """Everything that keeps an embedded run from working on this machine, the gravest first."""
    if installation.mongodb_given is None:
        yield from _mongodb()
    yield from _space(installation.home)


def require(installation: Installation) -> None:
    """UserError with the first lack."""
    for lack in lacks(installation):
        raise UserError(lack)


def _mongodb() -> Iterator[str]:
    machine, system = platform.machine(), platform.system()
    if (system, machine) != ("Linux", "x86_64"):
        yield f"The embedded MongoDB is for Linux on x86_64, not for {system} on {machine}: {OTHER_WAYS}"
        return
    try:
        binary = mongod_binary()
    except UserError as error:
        yield str(error)
        return
    if not has_avx(CPU_INFO):
        yield f"This processor has no AVX, which the embedded MongoDB needs: {OTHER_WAYS}"
    try:
        library_path(binary)
    except UserError as error:
        yield str(error)


def has_avx(cpu_info: Path) -> bool:
    """Whether the first processor lists AVX among its flags; true where that cannot be read."""
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:
        return True
    flags = next((line for line in lines if line.startswith("flags")), None)
    return flags is None or "avx" in flags.split()


def _space(folder: Path) -> Iterator[str]:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if free < LEAST_SPACE:
        yield (
            f"The disk is full: {free >> 20} MB are free in {existing}, and 1024 MB are needed; "
            "free some space or set VETIKA_HOME to a folder on another disk."
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        yield f"{existing} cannot be written: run this as its owner, or set VETIKA_HOME to another folder."


def taken_ports(wanted: Mapping[str, int]) -> Iterator[str]:
    """A sentence for each port that another program holds; `wanted` has the ports by who needs them."""
    for process, port in wanted.items():
        if is_taken(port):
            yield (
                f"Port {port} is taken by another program and `{process}` needs it: stop that program, or "
                "move all ports with `./vetika up --port-offset 100` (or VETIKA_PORT_OFFSET)."
            )
