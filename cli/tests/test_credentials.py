"""Secrets of a deployment: made once, closed to others, never told."""

import json
import stat

import pytest

from vetika_cli.credentials import Credentials
from vetika_cli.installation import SERVICES
from vetika_cli.main import main
from vetika_kit.http.tokens import EMBEDDED_PREFIX


@pytest.fixture
def folder(tmp_path):
    """Where the secrets go."""
    return tmp_path / "secrets"


def contents(folder):
    """Every secret, by its file's name."""
    return {path.relative_to(folder): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_secrets_are_made_once_and_no_two_are_alike(folder, capsys):
    """A second run changes nothing, and says so; no value is ever printed."""
    assert main(["secrets", "--to", str(folder)]) == 0
    first = contents(folder)
    said = capsys.readouterr().out
    assert len(said.splitlines()) == len(first)
    assert not [value for value in first.values() if value in said]
    assert len(set(first.values())) == len(first)
    assert main(["secrets", "--to", str(folder)]) == 0
    assert contents(folder) == first
    assert "nothing was changed" in capsys.readouterr().out


def test_a_secret_that_is_missing_is_made_and_the_others_stay(folder):
    """Taking a file away is how one secret is made anew."""
    credentials = Credentials(folder)
    credentials.ensure()
    before = contents(folder)
    (folder / "registration" / "manage-secret").unlink()
    (made,) = credentials.ensure()
    assert made == folder / "registration" / "manage-secret"
    after = contents(folder)
    assert {name for name in after if after[name] != before[name]} == {made.relative_to(folder)}


def test_the_folder_is_its_owner_s_and_the_files_are_strong(folder):
    """Others of the machine cannot enter; every password has more than 200 bits."""
    Credentials(folder).ensure()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for service in SERVICES:
        for name in ("mongodb-root-password", "mongodb-password"):
            assert len((folder / service / name).read_text()) >= 40
        password = (folder / service / "mongodb-password").read_text()
        uri = (folder / service / "mongodb-uri").read_text()
        assert uri.startswith(f"mongodb://{service}:{password}@{service}-mongodb:27017/")


def test_only_what_is_hosted_gets_secrets(folder):
    """An organization that runs one service has no other's."""
    Credentials(folder).ensure(["meetings"])
    assert {path.name for path in folder.iterdir()} == {"meetings", "tokens", "observability"}


def test_a_token_is_signed_with_the_deployment_s_key(folder, capsys):
    """Its key is none of an embedded run, so hosted services take it; the key set has the public half."""
    main(["secrets", "--to", str(folder)])
    key = folder / "tokens" / "signing-key.json"
    capsys.readouterr()
    assert main(["token", "--role", "operator", "--key", str(key)]) == 0
    assert capsys.readouterr().out.count(".") == 2
    kid = json.loads(key.read_text())["kid"]
    (public,) = json.loads((folder / "tokens" / "jwks.json").read_text())["keys"]
    assert public["kid"] == kid
    assert not kid.startswith(EMBEDDED_PREFIX)
    assert "d" not in public


def test_a_key_that_is_not_there_is_said_in_one_sentence(folder, capsys):
    """And what makes one."""
    assert main(["token", "--role", "operator", "--key", str(folder / "none.json")]) == 1
    assert "`./vetika secrets` makes one" in capsys.readouterr().err
