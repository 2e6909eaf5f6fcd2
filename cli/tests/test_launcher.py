"""The root script `vetika`: what it says where something is missing, and that it needs little."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vetika_cli.places import checkout

# All that the script may call besides Python.
TOOLS = (
    "sh",
    "dirname",
    "readlink",
    "cat",
    "cksum",
    "grep",
    "tail",
    "tee",
    "awk",
    "rm",
    "mkdir",
    "flock",
    "df",
)


@pytest.fixture
def tree(tmp_path):
    """What the launcher needs of a checkout, in a folder whose name has a space; nothing is installed."""
    root = tmp_path / "a checkout"
    root.mkdir()
    shutil.copy(checkout() / "vetika", root)
    shutil.copytree(checkout() / "requirements", root / "requirements")
    for project in ("kit", "cli", *(f"services/{path.name}" for path in (checkout() / "services").iterdir())):
        (root / project).mkdir(parents=True)
        shutil.copy(checkout() / project / "pyproject.toml", root / project)
    shutil.copytree(checkout() / "cli/src", root / "cli/src")
    return root


@pytest.fixture
def programs(tmp_path):
    """A folder for PATH that has the script's tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (folder / tool).symlink_to(found)
    return folder


def script(path: Path, text: str) -> None:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def real_python(programs, *, condition="false"):
    """A python3 that is this one, but fails where `condition` on its second argument holds."""
    script(programs / "python3", f'if {condition}; then exit 1; fi\nexec "{sys.executable}" "$@"')


def start(tree, programs, *arguments, **environment):
    """Run the launcher with nothing but `programs` on its PATH and an empty home."""
    home = tree.parent / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [str(tree / "vetika"), *arguments],
        env={"PATH": str(programs), "HOME": str(home), **environment},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_without_a_new_enough_python_it_says_what_to_install(tree, programs):
    """No Python, or only an old one: one sentence with the apt command, status 1."""
    script(programs / "python3", "exit 1")  # what the version check answers
    ended = start(tree, programs, "up")
    assert ended.returncode == 1
    assert "Python 3.11 or newer was not found" in ended.stderr
    assert "apt install python3" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (tree / ".venv").exists()


def test_without_the_venv_module_it_names_the_package(tree, programs):
    """Debian splits venv off: the sentence names `apt install python3-venv`."""
    real_python(programs, condition='case "$2" in *ensurepip*) true;; *) false;; esac')
    ended = start(tree, programs, "up")
    assert ended.returncode == 1
    assert "`apt install python3-venv`" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_the_help_needs_no_installation(tree, programs):
    """On a fresh clone `--help` answers at once and makes nothing."""
    real_python(programs)
    for arguments in ([], ["--help"]):
        ended = start(tree, programs, *arguments)
        assert ended.returncode == 0
        assert "usage: vetika" in ended.stdout
    assert not (tree / ".venv").exists()


def test_without_network_it_says_so_and_the_next_start_tries_again(tree, programs):
    """The index cannot be reached: one sentence, status 1, and nothing is taken for installed."""
    real_python(programs)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    for _ in range(2):
        ended = start(tree, programs, "doctor", **nowhere)
        assert ended.returncode == 1
        assert "the package index was not reached: check the network" in ended.stderr.splitlines()[-1]
        assert not (tree / ".venv/vetika-run").exists()


def test_a_folder_that_cannot_be_written_is_named(tree, programs):
    """`.venv` cannot be made: one sentence that names the place."""
    real_python(programs)
    (tree / ".venv").write_text("in the way")
    ended = start(tree, programs, "doctor")
    assert ended.returncode == 1
    assert ".venv cannot be made" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_on_a_full_disk_it_says_so(tree, programs):
    """A disk too small for .venv: the sentence says that it is full, status 1."""
    disk = tree.parent / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine does not let tests mount a disk")
    try:
        small = shutil.copytree(tree, disk / "a checkout")
        real_python(programs)
        ended = start(small, programs, "doctor")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert ended.returncode == 1
    assert "the disk is full" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_fresh_clone_installs_once_and_then_starts_without_a_word(tmp_path):
    """From a clone to a working command with an empty home; the second start installs nothing again."""
    clone = tmp_path / "a clone"
    subprocess.run(["git", "clone", "-q", str(checkout()), str(clone)], check=True)
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VETIKA_")}
    environment = {**kept, "HOME": str(home), "VETIKA_CACHE": str(tmp_path / "cache")}

    def doctor():
        return subprocess.run(
            [str(clone / "vetika"), "doctor", "--port-offset", "4000"],
            env=environment,
            cwd=home,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    first, second = doctor(), doctor()
    assert "installing the locked packages" in first.stderr
    assert (first.returncode, second.returncode, second.stderr) == (0, 0, "")
    assert str(clone / ".venv") in second.stdout
