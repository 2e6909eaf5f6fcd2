"""Backup: encrypted, and its restore, beside a bare read and write; and how far behind a journal is."""

import statistics
import tempfile
import threading
import time
from pathlib import Path

import pyrage
from _ground import Ground, ground, median
from pymongo import MongoClient

from vetika_kit.backup import archive, sealing
from vetika_kit.backup.journal import Journal
from vetika_kit.backup.restore import Restore
from vetika_kit.backup.snapshot import snapshot
from vetika_kit.ids import new_id
from vetika_kit.service import Context, Service
from vetika_kit.topics import Stream, Topics

DOCUMENTS, BATCH = 50_000, 1_000
ROUNDS = 3
WRITES = 40  # one at a time, each waited for in the journal
PATIENCE = 20.0  # seconds
SERVICE = Service(name="bench", title="Bench", config=Ground, create_app="none:none")  # type: ignore[arg-type]


def main() -> None:
    """Print the figures."""
    with ground() as place, tempfile.TemporaryDirectory() as folder:
        place.topic(Topics(coalition="x").of(SERVICE.name, Stream.EVENTS).removeprefix("x."))
        context = place.context(SERVICE, name="bench-backup")
        _fill(context)
        rounds = [_round(context, Path(folder) / "backup") for _ in range(ROUNDS)]
        read, written, backed_up, restored, size = (
            statistics.median(one) for one in zip(*rounds, strict=True)
        )
        print(f"{DOCUMENTS:,} documents of about 525 bytes, encrypted: {size / 1e6:.1f} MB")
        print(f"bare read {read:.2f} s, backup {backed_up:.2f} s: ratio {read / backed_up:.2f}")
        print(f"bare write {written:.2f} s, restore {restored:.2f} s: ratio {written / restored:.2f}")
        ages = _journal(context, Path(folder) / "journal")
        print(
            f"journal: a write is kept after {median(ages):.0f} ms (median), "
            f"{max(ages) * 1000:.0f} ms at most"
        )


def _document(number: int) -> dict[str, object]:
    return {
        "_id": new_id(),
        "version": 1,
        "number": number,
        "text": f"{number:x}" * 40,
        "words": ["forum"] * 20,
    }


def _fill(context: Context) -> None:
    for start in range(0, DOCUMENTS, BATCH):
        context.database["things"].insert_many([_document(n) for n in range(start, start + BATCH)])


def _round(context: Context, file: Path) -> tuple[float, float, float, float, int]:
    key = pyrage.x25519.Identity.generate()
    things = context.database["things"]
    started = time.perf_counter()
    documents = list(things.find())
    read = time.perf_counter() - started

    with MongoClient(context.config.mongodb_uri, w="majority", journal=True) as client:
        bare = client[context.database.name]["bare"]
        started = time.perf_counter()
        for start in range(0, len(documents), BATCH):
            bare.insert_many(documents[start : start + BATCH])
        written = time.perf_counter() - started
        bare.drop()

    started = time.perf_counter()
    with file.open("wb") as output:
        sealing.seal(archive.written(snapshot(context)), output, recipients=[key.to_public()])
    backed_up = time.perf_counter() - started

    started = time.perf_counter()
    with file.open("rb") as source, sealing.opened(source, identities=[key]) as opened:
        Restore(context).run(archive.read(opened), replace=True, from_stream=False)
    restored = time.perf_counter() - started
    if things.count_documents({}) != DOCUMENTS:
        raise RuntimeError("the restore brought back something else")
    return read, written, backed_up, restored, file.stat().st_size


def _journal(context: Context, folder: Path) -> list[float]:
    stop = threading.Event()
    journal = threading.Thread(target=Journal(context, folder).run, args=(stop,), daemon=True)
    journal.start()
    deadline = time.monotonic() + PATIENCE
    while not _size(folder):
        if time.monotonic() > deadline:
            raise RuntimeError("the journal does not begin")
        time.sleep(0.01)
    ages = []
    for number in range(WRITES):
        before, started = _size(folder), time.perf_counter()
        context.database["things"].insert_one(_document(number))
        while _size(folder) == before:
            if time.perf_counter() - started > PATIENCE:
                raise RuntimeError("a write does not come into the journal")
            time.sleep(0.002)
        ages.append(time.perf_counter() - started)
    stop.set()
    journal.join(PATIENCE)
    return ages


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.exists() else 0


if __name__ == "__main__":
    main()
