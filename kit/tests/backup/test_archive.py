"""An archive is whole, or it is none."""

import gzip
import io
import signal
import subprocess
import sys

import bson
import pyrage
import pytest

from vetika_kit.backup import archive, sealing
from vetika_kit.backup.errors import ArchiveError
from vetika_kit.backup.files import PARTIAL, whole


@pytest.fixture(scope="module")
def identity():
    """An age identity."""
    return pyrage.x25519.Identity.generate()


def test_what_was_stored_is_in_a_backup_as_it_was(store, backup, frames):
    """Documents, indexes and options; the bytes of a document are those that the database gave."""
    read = list(frames(backup()))
    header = archive.Header.of(read[0])
    assert (header.service, header.version) == ("sample", "0")
    assert header.cluster_time.time > 0
    indexes = {
        frame["name"]: [index["name"] for index in frame["indexes"]]
        for frame in read
        if frame["kind"] == "collection"
    }
    assert indexes["people"] == ["_id_", "outbox_waiting", "by_tag"]
    notes = [
        document for frame in read if frame.get("collection") == "notes" for document in frame["documents"]
    ]
    assert [bson.decode(note.raw) for note in notes] == list(store["notes"].find())


def test_a_backup_knows_where_every_topic_ended(store, backup, frames, topic):
    """By Kafka's own id of the topic, so that one made anew is not taken for it."""
    header = archive.Header.of(next(frames(backup())))
    assert sorted(header.streams[topic]["ends"]) == [str(number) for number in range(6)]
    assert header.streams[topic]["id"]


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.999])
def test_a_torn_backup_is_refused(store, backup, frames, identity, encrypted, part):
    """Wherever it was cut."""
    data = backup(recipients=[identity.to_public()] if encrypted else [])
    with pytest.raises(ArchiveError):
        list(frames(data[: int(len(data) * part)], identities=[identity]))


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_damaged_backup_is_refused(store, backup, frames, identity, encrypted):
    """One bit is enough, in the middle and near the end."""
    data = backup(recipients=[identity.to_public()] if encrypted else [])
    for place in (len(data) // 2, len(data) - 3):
        damaged = bytearray(data)
        damaged[place] ^= 4
        with pytest.raises(ArchiveError):
            list(frames(bytes(damaged), identities=[identity]))


def test_frames_that_were_exchanged_are_refused():
    """The checksum is of the frames, not of their packing alone."""
    header = {"kind": "header", "format": 1}
    parts = list(
        archive.written([header, {"kind": "collection", "name": "a"}, {"kind": "collection", "name": "b"}])
    )
    parts[1], parts[2] = parts[2], parts[1]
    with pytest.raises(ArchiveError, match="checksum"):
        list(archive.read(io.BytesIO(b"".join(parts))))


def test_something_behind_the_end_is_refused():
    """An archive ends where its end is."""
    data = b"".join(archive.written([{"kind": "header", "format": 1}]))
    with pytest.raises(ArchiveError, match="follows"):
        list(archive.read(io.BytesIO(data + b"x")))


def test_an_encrypted_backup_is_what_age_makes(store, backup, frames, identity):
    """Age's own library opens it, and gunzip what is inside; who has no identity, or another, is told so."""
    data = backup(recipients=[identity.to_public()])
    inside = gzip.decompress(pyrage.decrypt(data, [identity]))
    assert next(archive.read(io.BytesIO(inside)))["kind"] == "header"
    assert b"sample" not in data
    with pytest.raises(ArchiveError, match="--identity"):
        list(frames(data))
    with pytest.raises(ArchiveError, match="for others"):
        list(frames(data, identities=[pyrage.x25519.Identity.generate()]))


def test_an_identity_file_is_read_as_age_writes_it(tmp_path, identity):
    """Comments and empty lines are passed over; a file without a key is no identity, and no key is shown."""
    file = tmp_path / "key.txt"
    file.write_text(f"# created: today\n\n{identity}\n")
    assert [str(found) for found in sealing.identities_in(file)] == [str(identity)]
    file.write_text("# nothing\n")
    with pytest.raises(ArchiveError, match="no key"):
        sealing.identities_in(file)
    file.write_text(f"{identity}x")
    with pytest.raises(ArchiveError) as refused:
        sealing.identities_in(file)
    assert str(identity) not in str(refused.value)


def test_a_file_gets_its_name_when_it_is_whole(tmp_path):
    """A failure leaves nothing; one that is there is not written over."""
    path = tmp_path / "a.backup"
    with pytest.raises(TypeError), whole(path) as file:
        file.writelines([b"half", "and no bytes"])
    assert list(tmp_path.iterdir()) == []
    with whole(path) as file:
        file.write(b"all")
    assert path.read_bytes() == b"all"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError), whole(path):
        pass


def test_a_backup_that_is_killed_leaves_no_file_that_looks_whole(tmp_path):
    """What it leaves is called partial, and is refused as torn."""
    path = tmp_path / "a.backup"
    code = f"""
import os, signal
from pathlib import Path
from vetika_kit.backup import archive, sealing
from vetika_kit.backup.files import whole

def frames():
    yield {{"kind": "header", "format": 1}}
    for number in range(5000):
        yield {{"kind": "documents", "collection": "c", "documents": [{{"_id": os.urandom(200)}}]}}
    os.kill(os.getpid(), signal.SIGKILL)

with whole(Path({str(path)!r})) as file:
    sealing.seal(archive.written(frames()), file)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    left = tmp_path / f"a.backup{PARTIAL}"
    assert list(tmp_path.iterdir()) == [left]
    with (
        left.open("rb") as source,
        sealing.opened(source) as opened,
        pytest.raises(ArchiveError, match="torn"),
    ):
        list(archive.read(opened))
