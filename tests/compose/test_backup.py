"""A backup and its journal, taken from containers and put back into them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vetika_cli.places import checkout


@pytest.fixture
def vetika(deployment):
    """`vetika(*arguments)` begins the command for this deployment, as an operator's shell would."""

    def begin(*arguments) -> subprocess.Popen:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VETIKA_")}
        where = ["--compose", "-p", deployment.project, "--project-directory", str(checkout())]
        where += [part for file in deployment.files for part in ("-f", str(file))]
        return subprocess.Popen(
            [sys.executable, "-m", "vetika_cli", *map(str, arguments), *where],
            env=environment | deployment.settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return begin


def ended(process: subprocess.Popen) -> str:
    """Wait until a command is done, and return what it said."""
    said, _ = process.communicate(timeout=180)
    assert process.returncode == 0, said
    return said


def titles(office) -> set[str]:
    """The themes of all forums that the secretariat sees, drafts among them."""
    found = office.secretariat.get("meetings", "/v1/forums?limit=200")["items"]
    return {forum["theme"]["en"] for forum in found}


def draft(office, theme: str) -> None:
    """Write a draft down, which nobody else hears of: only a backup or a journal can bring it back."""
    plan = {
        "theme": {"en": theme},
        "starts_at": "2036-03-10T01:30:00Z",
        "ends_at": "2036-03-10T09:30:00Z",
        "venue": {"name": {"en": "Chaktomuk Conference Hall"}},
        "capacity": 10,
    }
    office.secretariat.post("meetings", "/v1/forums", plan)


def size(folder: Path) -> int:
    """How many bytes a folder's files have."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_a_service_comes_back_with_what_its_journal_knows(
    deployment, hosted_office, vetika, tmp_path, eventually
):
    """The backup brings the first draft, the journal the second; what came after both is gone."""
    folder = tmp_path / "journal"
    journal = vetika("journal", "meetings", "--to", folder)
    try:
        eventually(lambda: folder.exists() and size(folder) > 0, seconds=60)
        draft(hosted_office, "Before the backup")
        ended(vetika("backup", "meetings", "--to", tmp_path / "backups"))
        (backup,) = (tmp_path / "backups").iterdir()
        before = size(folder)
        draft(hosted_office, "After the backup")
        eventually(lambda: size(folder) > before, seconds=60)
    finally:
        journal.send_signal(signal.SIGINT)
        journal.communicate(timeout=60)
    draft(hosted_office, "After the journal")

    ended(vetika("restore", "meetings", "--from", backup, "--journal", folder, "--replace", "--stop"))
    deployment.up()
    found = titles(hosted_office)
    assert {"Before the backup", "After the backup"} <= found
    assert "After the journal" not in found


def test_a_restore_over_running_processes_is_refused(deployment, hosted_office, vetika, tmp_path):
    """One sentence, and nothing is changed."""
    ended(vetika("backup", "recommendations", "--to", tmp_path))
    (backup,) = tmp_path.iterdir()
    refused = vetika("restore", "recommendations", "--from", backup, "--replace")
    said, _ = refused.communicate(timeout=120)
    assert refused.returncode == 1
    assert "recommendations-" in said
    assert len(said.strip().splitlines()) == 1
    deployment.up()
