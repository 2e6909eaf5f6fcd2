"""How much memory a process and its children use."""

from collections import defaultdict
from pathlib import Path

PROC = Path("/proc")


def memory_of(pid: int, *, family: bool = True) -> int:
    """Bytes that a process holds, and with `family` all its descendants; shared pages counted once (PSS)."""
    if not family:
        return _proportional(pid)
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in PROC.glob("[0-9]*"):
        try:
            # "pid (name) state parent …"; the name may hold blanks and brackets.
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children[parent].append(int(entry.name))
    members = [pid]
    for member in members:
        members.extend(children[member])
    return sum(_proportional(member) for member in members)


def _proportional(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
