"""What a machine may lack, each in one sentence that says what to do."""

import platform
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from pymongo import MongoClient

from vetika_cli import machine
from vetika_cli.embedded import MongoServer, jars, libraries
from vetika_cli.embedded.mongodb import mongod_binary
from vetika_cli.errors import UserError
from vetika_cli.main import main

OTHER_WAYS = ("VETIKA_MONGODB_URI", "VETIKA_KAFKA_BOOTSTRAP", "docker compose")


@pytest.mark.parametrize(("system", "processor"), [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_a_machine_without_the_mongod_binary_is_told_at_once(
    vetika_home, monkeypatch, capsys, system, processor
):
    """`up` names the platform and the other ways, before it fetches or starts anything."""
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.setattr(platform, "system", lambda: system)
    assert main(["up"]) == 1
    error = capsys.readouterr().err
    assert processor in error
    assert all(way in error for way in OTHER_WAYS)
    assert len(error.splitlines()) == 1
    assert not vetika_home.exists()


def test_a_processor_without_avx_is_told_so(installation, tmp_path, monkeypatch):
    """The flags of the processor decide; where they cannot be read, nothing is claimed."""
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text("processor\t: 0\nflags\t\t: fpu sse sse2 aes\n")
    assert not machine.has_avx(cpu_info)
    monkeypatch.setattr(machine, "CPU_INFO", cpu_info)
    (lack,) = machine.lacks(installation)
    assert "no AVX" in lack
    assert all(way in lack for way in OTHER_WAYS)
    cpu_info.write_text("flags\t\t: fpu sse avx avx2\n")
    assert machine.has_avx(cpu_info)
    assert machine.has_avx(tmp_path / "not there")


def test_libraries_that_a_bare_machine_lacks_are_fetched_and_used(monkeypatch, tmp_path):
    """Where libcurl and OpenSSL are missing, mongod runs on those of a locked wheel in the cache."""
    assert libraries.missing_libraries(mongod_binary()) == []
    monkeypatch.setenv("VETIKA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        libraries, "missing_libraries", lambda _: ["libcurl.so.4", "libssl.so.3", "libcrypto.so.3"]
    )
    with MongoServer(tmp_path / "mongod") as server:
        mapped = Path(f"/proc/{server.pid}/maps").read_text()
        with MongoClient(server.uri) as client, client.start_session() as session:
            session.with_transaction(lambda s: client.forum.seats.insert_one({"_id": 1}, session=s))
    assert str(tmp_path / "cache" / "libraries" / "pycurl.libs" / "libcurl") in mapped
    assert "/usr/lib/x86_64-linux-gnu/libssl" not in mapped


def test_a_library_that_cannot_be_had_is_named_with_its_package(installation, monkeypatch, tmp_path):
    """Without network, or for a library that no wheel has: one sentence with the apt command."""
    monkeypatch.setenv("VETIKA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setattr(libraries, "missing_libraries", lambda _: ["libcurl.so.4"])
    (lack,) = machine.lacks(installation)
    assert "apt install libcurl4" in lack
    assert len(lack.splitlines()) == 1


def test_a_full_disk_is_told_before_anything_is_written(vetika_home, monkeypatch, capsys):
    """`up` names the folder and how much is needed."""
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - what shutil returns
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 1 << 40, 5 << 20))
    assert main(["up"]) == 1
    error = capsys.readouterr().err
    assert "The disk is full: 5 MB are free" in error
    assert "VETIKA_HOME" in error
    assert not vetika_home.exists()


def test_with_servers_of_ones_own_the_machine_needs_no_avx(vetika_home, monkeypatch, tmp_path):
    """What only the embedded MongoDB needs is not asked for when it does not run."""
    from vetika_cli.installation import Installation  # noqa: PLC0415 - made in this environment

    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setenv("VETIKA_MONGODB_URI", "mongodb://db.example")
    assert list(machine.lacks(Installation.current())) == []


def test_without_network_the_first_start_says_so(monkeypatch, tmp_path):
    """Kafka's jars cannot be fetched: one sentence with the address and the way around."""
    monkeypatch.setenv("VETIKA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VETIKA_MAVEN_URL", "http://127.0.0.1:9/maven2")
    with pytest.raises(UserError, match=r"could not be fetched from http://127.0.0.1:9.*check the network"):
        jars.kafka_jars()
    assert not list((tmp_path / "cache").iterdir())


def test_jars_that_are_not_the_locked_ones_are_refused(monkeypatch, tmp_path):
    """A jar of other content is named and nothing is kept; one damaged in the cache is noticed."""
    good = jars.kafka_jars()
    altered = tmp_path / "altered"
    shutil.copytree(good, altered)
    name = min(path.name for path in altered.iterdir())
    (altered / name).write_bytes(b"altered")
    monkeypatch.setenv("VETIKA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jars, "_resolve", lambda _: sorted(altered.iterdir()))
    assert not jars.fetched()
    with pytest.raises(UserError, match=name):
        jars.kafka_jars()
    monkeypatch.setattr(jars, "_resolve", lambda _: sorted(good.iterdir()))
    kept = jars.kafka_jars()
    assert jars.fetched()
    (kept / name).write_bytes(b"damaged")
    assert not jars.fetched()
