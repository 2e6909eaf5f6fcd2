"""Dashboards and alerts as files: whole, readable by Grafana, and about metrics that there are."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from outside.monitoring import (
    DASHBOARDS,
    FOLDER,
    alerts,
    asked_by_alerts,
    asked_by_panels,
    dashboard,
    shown,
)

from vetika_cli.installation import PORTS, SERVICES

ROOT = Path(__file__).parents[2]
KINDS = {"timeseries", "stat", "bargauge", "table"}
DATASOURCE = {"type": "prometheus", "uid": "vetika-prometheus"}


@pytest.mark.parametrize("asked", [*asked_by_panels(), *asked_by_alerts()], ids=lambda asked: asked.where)
def test_nothing_is_asked_for_that_nobody_shows(asked):
    """A panel or an alert on a metric that does not exist would be silent for ever."""
    assert asked.names <= shown()
    assert asked.names or "up{" in asked.expression
    assert "$" not in re.sub(r'"\$1"', "", asked.expression)


def test_dashboards_have_names_of_their_own_that_stay():
    """Links to them go by uid."""
    read = [dashboard(path) for path in DASHBOARDS]
    assert {one["uid"] for one in read} == {f"vetika-{path.stem}" for path in DASHBOARDS}
    assert {path.stem for path in DASHBOARDS} >= {"api", "stream", "deliveries", "seats"}
    assert not [title for title, times in Counter(one["title"] for one in read).items() if times > 1]
    assert all(one["description"] and not one["editable"] for one in read)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_shows_something_and_says_what_it_means(path):
    """A kind that Grafana has, our data source, a unit, a description, at least one expression."""
    panels = dashboard(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 0
    for panel in panels:
        assert panel["type"] in KINDS
        assert panel["datasource"] == DATASOURCE
        assert panel["title"]
        assert panel["description"].endswith((".", "ms."))
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        for target in panel["targets"]:
            assert target["datasource"] == DATASOURCE
            assert target["expr"].strip()
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_do_not_lie_on_each_other(path):
    """Grafana's grid is 24 wide."""
    taken = Counter(
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard(path)["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert max(taken.values()) == 1
    assert max(x for x, _ in taken) < 24


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_variable_that_is_used_is_declared(path):
    """Grafana would ask for the text `$service` otherwise."""
    text = path.read_text(encoding="utf-8")
    declared = {variable["name"] for variable in dashboard(path)["templating"]["list"]}
    used = set(re.findall(r"\$(?!__)(\w+)", text))
    assert used == declared
    for variable in dashboard(path)["templating"]["list"]:
        assert variable["datasource"] == DATASOURCE
        assert set(re.findall(r"vetika_\w+", variable["definition"])) <= shown()


def test_grafana_finds_the_data_source_and_the_dashboards():
    """By the uid that the panels name, in the folder that the compose file mounts."""
    provisioning = FOLDER / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert (source["type"], source["uid"]) == (DATASOURCE["type"], DATASOURCE["uid"])
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "vetika.yml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"


def test_prometheus_looks_at_every_process_that_there_is():
    """A kind of process that is added and forgotten here would be watched by nobody."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "vetika"]
    (discovery,) = job["dns_sd_configs"]
    assert (discovery["type"], discovery["port"]) == ("A", 8000)
    processes = {name for name in PORTS if name.partition("-")[0] in SERVICES}
    assert set(discovery["names"]) == processes
    assert config["rule_files"] == ["alerts.yml"]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_what_is_wrong_and_where_to_read_on(alert):
    """Its runbook is a section of the operators' page that exists."""
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["description"].endswith((".", "?"))
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w\s-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_collector_takes_what_our_processes_send_and_hands_it_on():
    """OTLP over HTTP, its memory limited first; whatever a pipeline names is declared."""
    config = yaml.safe_load((FOLDER / "otel-collector.yaml").read_text())
    assert config["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")
    for pipeline in config["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(config[kind])
        assert pipeline["processors"][0] == "memory_limiter"
