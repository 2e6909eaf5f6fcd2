"""With the real Prometheus, where there is one: alerts that speak in time, panels that show a platform."""

import subprocess
from pathlib import Path

import pytest
import yaml
from outside.monitoring import FOLDER, alerts, asked_by_alerts, asked_by_panels
from outside.prometheus import found, watching

from vetika_cli.installation import HOST, PORTS, SERVICES
from vetika_cli.platform import Platform

UNIT_TESTS = Path(__file__).with_name("alerts.test.yml")
PROCESSES = sorted(name for name in PORTS if name.partition("-")[0] in SERVICES)

# Nothing of it has happened on a platform that is well, so there is nothing to show.
HAPPENS_SELDOM = {
    "api: Refusals",
    "stream: Partitions that are behind",
    "stream: Tried again",
}


@pytest.fixture(scope="module")
def promtool():
    """`promtool(*arguments)`: its exit status and what it says."""
    program = found("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian: package prometheus)")

    def run(*arguments):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_prometheus_accepts_its_configuration_and_its_rules(promtool):
    """As it would read them when it starts."""
    for arguments in (
        ("config", str(FOLDER / "prometheus.yml")),
        ("rules", str(FOLDER / "alerts.yml")),
    ):
        status, said = promtool("check", *arguments)
        assert status == 0, said


def test_alerts_speak_when_they_must_and_are_silent_when_they_must(promtool):
    """Every one of them is played, both ways."""
    status, said = promtool("test", "rules", str(UNIT_TESTS))
    assert status == 0, said


def test_every_alert_is_played_both_ways():
    """An alert of which nobody knows when it speaks is as good as none."""
    played = {True: set(), False: set()}
    for test in yaml.safe_load(UNIT_TESTS.read_text(encoding="utf-8"))["tests"]:
        for case in test["alert_rule_test"]:
            played[bool(case["exp_alerts"])].add(case["alertname"])
    names = {alert["alert"] for alert in alerts()}
    assert played[True] == names
    assert played[False] == names


@pytest.fixture(scope="module")
def watched(tmp_path_factory, mongodb_uri, kafka_bootstrap, clear):
    """A platform on which nothing has gone wrong yet."""
    folder = tmp_path_factory.mktemp("watched")
    with Platform(folder, mongodb_uri=mongodb_uri, kafka_bootstrap=kafka_bootstrap) as platform:
        platform.start()
        yield platform
    clear(platform)


@pytest.fixture(scope="module")
def prometheus(watched, tmp_path_factory, eventually):
    """A Prometheus that asks every process of the platform, with the labels of the real configuration."""
    if found("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian: package prometheus)")
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "vetika"]
    del job["dns_sd_configs"]
    # What Docker's DNS would answer: the name that was asked for, and where that is.
    job["static_configs"] = [
        {
            "targets": [f"{HOST}:{watched.installation.port(name)}"],
            "labels": {"__meta_dns_name": name},
        }
        for name in PROCESSES
    ]
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FOLDER / "alerts.yml")]
    config["scrape_configs"] = [job]
    with watching(tmp_path_factory.mktemp("prometheus"), config=config) as prometheus:
        eventually(lambda: _answers(prometheus), seconds=30)
        yield prometheus


def _answers(prometheus):
    try:
        return sorted(name for name, up in prometheus.up().items() if up) == PROCESSES
    except OSError:
        return False


@pytest.fixture(scope="module")
def used(prometheus, watched, looking_at, people, eventually):
    """A forum to which more people want to come than there are seats; everybody has been told."""
    with looking_at(watched) as outside:
        forum = outside.office.forum(seats=2)
        for _ in range(3):
            person = people.new(channels=["email", "sms"])
            outside.anybody.post("registration", f"/v1/forums/{forum['id']}/registrations", person)
    left = 'sum(vetika_delivery_attempts_total{left_as=~"sent|delivered"})'
    eventually(lambda: _number(prometheus, left) >= 6, seconds=60)
    return forum


def _number(prometheus, expression):
    result = prometheus.value(expression)
    return float(result[0]["value"][1]) if result else 0.0


def test_every_process_of_a_platform_is_found_and_named(prometheus):
    """By service and kind, as dashboards and alerts ask."""
    assert set(prometheus.up()) == set(PROCESSES)
    assert not prometheus.value('{exported_service!=""}')
    assert not prometheus.value('{exported_job!=""}')
    assert not prometheus.value("vetika_ready != 1")


@pytest.mark.parametrize("asked", asked_by_panels(), ids=lambda asked: asked.where)
def test_every_panel_shows_a_platform_that_is_used(prometheus, used, eventually, asked):
    """Its expression can be evaluated, its metrics are known, and it shows something."""
    families = {family.removesuffix("_total") for family in prometheus.get("metadata")}
    endings = ("", "_total", "_bucket", "_sum", "_count")
    assert asked.names <= {family + ending for family in families for ending in endings}
    if asked.where in HAPPENS_SELDOM:
        prometheus.value(asked.expression)
    else:
        eventually(lambda: prometheus.value(asked.expression), seconds=30)


@pytest.mark.parametrize("asked", asked_by_alerts(), ids=lambda asked: asked.where)
def test_every_alert_can_be_evaluated_and_is_silent_while_all_is_well(prometheus, used, asked):
    """A platform that is well and used wakes nobody."""
    assert prometheus.value(asked.expression) == []


def test_prometheus_itself_has_read_the_rules(prometheus, eventually):
    """All of them, without an error, and none fires."""

    def evaluated():
        groups = prometheus.get("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if all(rule["health"] == "ok" for rule in rules) else None

    rules = eventually(evaluated, seconds=30)
    assert {rule["name"] for rule in rules} == {alert["alert"] for alert in alerts()}
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


def test_the_seats_of_a_forum_are_shown(prometheus, used, eventually):
    """As many as there are, with the line."""
    seats = f'max(vetika_forum_seats_taken{{forum="{used["id"]}"}})'
    line = f'max(vetika_forum_waitlist{{forum="{used["id"]}"}})'
    eventually(lambda: (_number(prometheus, seats), _number(prometheus, line)) == (2, 1), seconds=30)
