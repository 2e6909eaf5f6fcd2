"""The AsyncAPI documents under AsyncAPI's own schema and parser, which npm has and PyPI has not."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from vetika_cli.places import checkout

SPECS = "@asyncapi/specs@6.11.1"
SPECS_INTEGRITY = (
    "sha512-A3WBLqAKGoJ2+6FWFtpjBlCQ1oFCcs4GxF7zsIGvNqp/klGUHjlA3aAcZ9XMMpLGE8zPeYDz2x9FmO6DSuKraQ=="
)
PARSER = "@asyncapi/parser@3.6.3"

PARSE = """
const fs = require("node:fs");
const { Parser } = require("@asyncapi/parser");
const ERROR = 0, WARNING = 1;
(async () => {
  for (const file of process.argv.slice(1)) {
    const { diagnostics } = await new Parser().parse(fs.readFileSync(file, "utf8"));
    for (const one of diagnostics.filter((one) => one.severity === ERROR || one.severity === WARNING))
      console.log(file, one.code, one.path.join("."), one.message);
  }
})();
"""


def documents():
    """The document of every service."""
    return sorted((checkout() / "contracts").glob("*/asyncapi.yaml"))


def npm(*arguments, where):
    """Run npm, or skip the test with the reason."""
    if (command := shutil.which("npm")) is None:
        pytest.skip("npm is not installed: AsyncAPI publishes its schema and parser there alone")
    done = subprocess.run(
        [command, *arguments], cwd=where, capture_output=True, text=True, check=False, timeout=150
    )
    if done.returncode != 0:
        pytest.skip(f"npm {arguments[0]} did not get what AsyncAPI publishes: {done.stderr.strip()[-300:]}")
    return done.stdout


@pytest.fixture(scope="module")
def official_schema(pytestconfig):
    """AsyncAPI's JSON Schema of version 3.0.0, fetched once and verified by its hash."""
    kept = Path(pytestconfig.cache.mkdir("asyncapi"))
    archive = kept / "asyncapi-specs-6.11.1.tgz"
    if not archive.exists():
        npm("pack", SPECS, "--silent", "--pack-destination", str(kept), where=kept)
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == SPECS_INTEGRITY
    with tarfile.open(archive) as tar:
        return json.load(tar.extractfile("package/schemas/3.0.0-without-$id.json"))


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.parent.name)
def test_a_document_satisfies_the_official_schema(official_schema, path):
    """Tools that know AsyncAPI 3.0 can read it."""
    document = yaml.safe_load(path.read_text("utf-8"))
    assert [
        f"{one.json_path}: {one.message[:300]}"
        for one in Draft7Validator(official_schema).iter_errors(document)
    ] == []


def test_the_official_schema_judges(official_schema):
    """A document of the old shape is refused, so that a pass means something."""
    document = yaml.safe_load(documents()[0].read_text("utf-8"))
    next(iter(document["operations"].values()))["action"] = "publish"
    assert list(Draft7Validator(official_schema).iter_errors(document))


@pytest.mark.slow
def test_the_official_parser_has_no_complaint(tmp_path):
    """It follows references and judges the payloads' schemas and the examples too."""
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not installed: AsyncAPI's parser runs on it")
    (tmp_path / "package.json").write_text('{"private": true}')
    npm("install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", PARSER, where=tmp_path)
    command = [node, "-e", PARSE, *map(str, documents())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == ""
