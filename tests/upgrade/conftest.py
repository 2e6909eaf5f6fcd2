"""The platform as it was: an older commit of this repository, run from its own sources."""

import io
import os
import shutil
import subprocess
import tarfile

import pytest

from vetika_cli.places import checkout

OLDEST = "4ca00c56e4ffd57eb72a0b31873ddde81529017b"


@pytest.fixture(scope="session")
def older_code(tmp_path_factory):
    """Settings that make a process run the code of the oldest release instead of the present one."""
    git = shutil.which("git")
    archive = git and subprocess.run(
        [git, "-C", checkout(), "archive", "--format=tar", OLDEST, "kit/src", "services"],
        capture_output=True,
        check=False,
    )
    if not archive or archive.returncode:
        pytest.skip(f"requires the commit {OLDEST} to upgrade from: `git fetch --unshallow` brings it")
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    sources = [folder / "kit/src", *sorted(folder.glob("services/*/src"))]
    return {"PYTHONPATH": os.pathsep.join(map(str, sources))}
