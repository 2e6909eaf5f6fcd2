"""Schemathesis drives every API through its own OpenAPI document, over the network."""

import subprocess
import sys

import pytest

SERVICES = ("registration", "meetings", "notifications", "recommendations")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
)


@pytest.fixture
def drive(apis, tmp_path):
    """`drive(service, …)`: run schemathesis; return its status and what it has to say."""

    def run(service, *, ids, **options):
        settings = "".join(f'"path.{name}" = "{value}"\n' for name, value in ids.items())
        refused = [400, 401, 403, 404, 405, 409, 413, 414, 415, 422, 428, 431]
        (tmp_path / "schemathesis.toml").write_text(
            f"[parameters]\n{settings}[checks.negative_data_rejection]\nexpected-statuses = {refused}\n"
        )
        given = [
            argument
            for name, value in options.items()
            for argument in (f"--{name.replace('_', '-')}", str(value))
        ]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run"),
                f"{apis.url(service)}/openapi.json",
                *("--header", f"Authorization: {apis.insider.headers['Authorization']}"),
                *("--checks", ",".join(CHECKS), "--generation-database", "none"),
                *("--warnings", "off", "--continue-on-failure", "--no-shrink", "--workers", "1"),
                *given,
            ],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_is_documented(service, apis, drive):
    """Whatever fits or does not fit the document gets an answer that is in it, and never a 5xx."""
    # The operators' part is the kit's, the same everywhere: once is enough here.
    spared = {} if service == "registration" else {"exclude_path_regex": "^/admin"}
    status, said = drive(
        service, ids=apis.ids, phases="examples,coverage,fuzzing", max_examples=4, seed=1, **spared
    )
    assert status == 0, said


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("known", [True, False], ids=["of what there is", "of anything"])
@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_is_documented_in_depth(service, known, apis, drive):
    """The same with many more requests, in sequences too, about things that exist and that do not."""
    status, said = drive(service, ids=apis.ids if known else {}, max_examples=20, seed=2)
    assert status == 0, said
