"""The operator's page: every command of it is typed, with Helm as it is and a cluster that only listens."""

import re
import shutil
import stat
import subprocess

import pytest

from vetika_cli.places import checkout

CHART = checkout() / "deploy" / "kubernetes"
# Helm renders where it would send; whoever is asked for a secret gives one.
STANDING_IN = {
    "helm": """
words=; kind=$1; shift
for word in "$@"; do [ "$word" = --wait ] || words="$words $word"; done
case $kind in uninstall) exit 0 ;; upgrade) words="$words --is-upgrade" ;; esac
exec {helm} template --kube-version 1.34.0 $words
""",
    "kubectl": """
echo "$*" >> {log}
case "$*" in *" get secret "*) printf aHVzaA== ;; *=/dev/stdin*|*"-f -"*) cat > /dev/null ;; esac
""",
    "vetika": """
echo "vetika $*" >> {log}
""",
    "curl": "",
}


@pytest.fixture
def typed(tmp_path, helm_program):
    """`typed(lines)`: run lines of the page in a shell; return what came out, and what the cluster heard."""
    log = tmp_path / "heard"
    log.touch()
    for name, text in STANDING_IN.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            "#!/bin/sh" + "\n" + text.replace("{log}", str(log)).replace("{helm}", str(helm_program))
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    shutil.copy(CHART / "examples/one-organization.yaml", tmp_path / "my-values.yaml")
    (tmp_path / "deploy").symlink_to(CHART.parent)
    (tmp_path / "smtp-password").touch()

    def run(lines):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines.replace("./vetika", "vetika")],
            cwd=tmp_path,
            env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{lines}\n{done.stderr}"
        return done.stdout, log.read_text()

    return run


def test_what_the_page_says_can_be_typed_from_top_to_bottom(typed):
    """Installation, the look before an upgrade, and its two steps."""
    blocks = re.findall(r"```sh\n(.*?)```", (CHART / "README.md").read_text(), re.DOTALL)
    out, heard = typed("\n".join(blocks))
    for secret in (
        "registration-kafka",
        "vetika-topics-kafka",
        "vetika-cluster-ca-cert",
        "registration-manage",
    ):
        assert f"create secret generic {secret}" in heard
    assert "logs --follow --pod-running-timeout=5m job/vetika-notifications-check" in heard
    assert "vetika doctor --upgrade --report registration.log" in heard
    deployments = re.findall(r"image: \"vetika/(\w+):([\d.]+)\"", out)
    assert ("registration", "0.2.0") in deployments
    assert ("registration", "0.1.0") in deployments
    assert ("tools", "0.2.0") in deployments


def test_every_secret_that_the_page_makes_is_one_that_the_values_name(typed, rendered):
    """A name that differs is found by an operator at night."""
    blocks = re.findall(r"```sh\n(.*?)```", (CHART / "README.md").read_text(), re.DOTALL)
    _, heard = typed("\n".join(blocks))
    made = set(re.findall(r"create secret generic (\S+)", heard))
    text, _ = rendered("one-organization")
    named = set(re.findall(r"(?:name|secretName): ([a-z-]+-(?:kafka|manage|tokens|smtp|cert))\b", text))
    assert {"notifications-smtp", "vetika-tokens", "meetings-kafka"} <= named <= made
