"""Two tiny services, written to a checkout of their own, whose code a test changes as a developer would."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vetika_cli.contracts import main

PUBLISHES = '''"""What the quay tells."""

from marshmallow import fields, validate

from vetika_kit.events import EventSchema, publishes


@publishes(
    "boat.moored.v1",
    example={
        "boat_id": "b1", "version": 1, "length": 12, "flag": "khmer", "cargo": None,
        "arrives_at": "2026-03-02T02:30:00+00:00",
    },
)
class BoatMoored(EventSchema):
    """A boat lies at the quay."""

    boat_id = fields.String(required=True, metadata={"description": "The boat."})
    version = fields.Integer(required=True)
    length = fields.Integer(required=True, validate=validate.Range(min=1, max=99))
    flag = fields.String(required=True, validate=validate.OneOf(["khmer", "lao"]))
    cargo = fields.String(required=True, allow_none=True, validate=validate.Length(max=40))
    arrives_at = fields.AwareDateTime(required=True)
    berth = fields.String()


@publishes(
    "captain.recorded.v1", stream="contacts", key="captain_id", erased_by="captain.erased.v1",
    example={"captain_id": "c1", "version": 1, "name": "Sok"},
)
class CaptainRecorded(EventSchema):
    """How a captain is called."""

    captain_id = fields.String(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
'''

CONSUMES = '''"""What the toll house hears."""

from marshmallow import fields, validate

from vetika_kit.events import ReaderSchema, Received
from vetika_kit.handlers import handles


class BoatHeard(ReaderSchema):
    """What a toll depends on."""

    boat_id = fields.String(required=True)
    length = fields.Integer(required=True)
    flag = fields.String(required=True)
    cargo = fields.String(load_default=None, allow_none=True)


@handles("boat.moored.v1", reads=BoatHeard, service="{quay}")
def charge(event: Received) -> None:
    """Charge for the length."""


@handles("captain.erased.v1", reads=None, service="{quay}", stream="contacts")
def forget(event: Received) -> None:
    """Forget the captain."""
'''

TOLL_PUBLISHES = '''"""What the toll house tells: nothing yet."""
'''


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A folder with two services: a quay that publishes, and a toll house that reads it."""

    path: Path
    quay: str
    toll: str

    @property
    def contracts(self) -> Path:
        """Return the folder that the command writes."""
        return self.path / "contracts"

    def source(self, service: str, module: str) -> Path:
        """Return the file of a service's module."""
        return self.path / "services" / service / "src" / service / f"{module}.py"

    def edit(self, service: str, module: str, old: str, new: str) -> None:
        """Change a line of a service's code, and let it be imported anew."""
        path = self.source(service, module)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        forget(service)

    def run(self, *arguments: str) -> int:
        """Run `vetika contracts` here; return its status."""
        return main(["--checkout", str(self.path), *arguments])

    def git(self, *arguments: str) -> str:
        """Run git here; return what it prints."""
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
        command = ["git", "-C", str(self.path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def publish(self) -> None:
        """Commit what is there: from now on others may have built on it."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Publish")


def forget(service: str) -> None:
    """Drop a package's modules, so that the next import reads the files again."""
    for name in [name for name in sys.modules if name == service or name.startswith(f"{service}.")]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checkout]:
    """A fresh checkout with its own git history, nothing committed."""
    quay, toll = "sample_quay", "sample_toll"
    made = Checkout(path=tmp_path, quay=quay, toll=toll)
    sources = {
        (quay, "publishes"): PUBLISHES,
        (toll, "publishes"): TOLL_PUBLISHES,
        (toll, "consumes"): CONSUMES.replace("{quay}", quay),
    }
    for (service, module), text in sources.items():
        path = made.source(service, module)
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    for service in (quay, toll):
        monkeypatch.syspath_prepend(str(tmp_path / "services" / service / "src"))
    # Edits follow each other within the clock's grain of bytecode caches.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made.git("init", "-q", "-b", "main")
    yield made
    for service in (quay, toll):
        forget(service)


@pytest.fixture
def written(checkout: Checkout) -> Checkout:
    """A checkout whose contracts are written and published."""
    assert checkout.run() == 0
    checkout.publish()
    return checkout


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[[Checkout], str]:
    """Run the check, which must fail, and return what it says."""

    def run(checkout: Checkout) -> str:
        capsys.readouterr()
        assert checkout.run("--check") == 1
        return capsys.readouterr().err

    return run
