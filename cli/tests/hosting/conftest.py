"""A hosting file to change, and the folders that are made of it."""

import copy
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import yaml

from vetika_cli.hosting import files, reading
from vetika_cli.hosting.rendering import Rendering
from vetika_cli.hosting.source import Source
from vetika_cli.places import checkout

EXAMPLE = checkout() / "deploy" / "hosting" / "hosting.yml"
SECRET_PARTS = {"secrets", "authority"}
PUBLIC = {"jwks.json", "authority.json", "authority-1.pem", "authority-2.pem"}


@pytest.fixture
def document():
    """What the example says, to be changed."""
    return copy.deepcopy(yaml.safe_load(EXAMPLE.read_text("utf-8")))


@pytest.fixture
def parsed(tmp_path):
    """`parsed(document)`: the coalition that a document describes."""

    def parse(document):
        text = yaml.safe_dump(document, sort_keys=False)
        return reading.parsed(text, path=tmp_path / "hosting.yml", services=Source().services)

    return parse


@pytest.fixture
def render(parsed, tmp_path):
    """`render(document, renewal=…, now=…)`: bring the folders about; returns the changes and the notes."""

    def render(document, *, renewal=None, now=None, write=True):
        rendering = Rendering(
            parsed(document),
            source=Source(),
            folder=tmp_path / "all",
            now=now or datetime.now(UTC),
            renewal=renewal,
        )
        changes = rendering.tree().changes(tmp_path / "all")
        if write:
            files.bring_about(tmp_path / "all", changes)
        return SimpleNamespace(
            changes=changes, paths={str(one.path) for one in changes}, notes=rendering.notes
        )

    return render


@pytest.fixture
def folder(tmp_path):
    """Where all folders are."""
    return tmp_path / "all"


@pytest.fixture
def secrets_of(folder):
    """`secrets_of(name)`: every secret value in one folder, by its path."""

    def secrets_of(name):
        found = {}
        for path in sorted((folder / name).rglob("*")):
            inside = path.relative_to(folder).parts
            secret = SECRET_PARTS & set(inside) or path.name == "password"
            if path.is_file() and secret and path.name not in PUBLIC:
                found[path] = path.read_text("utf-8").strip()
        return found

    return secrets_of
