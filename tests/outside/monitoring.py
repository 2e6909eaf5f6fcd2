"""What deploy/observability/ asks of the metrics: every expression, and where it stands."""

import json
import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.metrics import MetricWrapperBase

from vetika_cli.installation import SERVICES

FOLDER = Path(__file__).parents[2] / "deploy" / "observability"
DASHBOARDS = sorted((FOLDER / "grafana" / "dashboards").glob("*.json"))
# What Grafana puts in for its variables, as long as nobody chooses.
_VARIABLES = {
    r'"\$\w+\|none"': '".*"',
    r'"\$\w+"': '".*"',
    r"\$__rate_interval": "1m",
    r"\$__range": "10m",
}
_OWN_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An expression."""

    where: str
    expression: str

    @property
    def names(self) -> set[str]:
        """The names of our metrics in it."""
        return set(re.findall(r"\bvetika_\w+", self.expression))


def dashboard(path: Path) -> dict[str, Any]:
    """Read a dashboard."""
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def alerts() -> list[dict[str, Any]]:
    """Read every alert."""
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def asked_by_panels() -> list[Asked]:
    """Return every expression of every panel, with Grafana's variables put in."""
    return [
        Asked(where=f"{path.stem}: {panel['title']}", expression=_put_in(target["expr"]))
        for path in DASHBOARDS
        for panel in dashboard(path)["panels"]
        for target in panel["targets"]
    ]


def asked_by_alerts() -> list[Asked]:
    """Return every alert's expression."""
    return [Asked(where=f"alert {rule['alert']}", expression=rule["expr"]) for rule in alerts()]


def shown() -> set[str]:
    """Return the name of every series that a process of ours can show."""
    modules = ["vetika_kit.metrics", *(f"{service}.metrics" for service in SERVICES)]
    names = set()
    for module in modules:
        if find_spec(module) is None:
            continue
        for member in vars(import_module(module)).values():
            if isinstance(member, MetricWrapperBase):
                family = next(iter(member.collect()))
                names |= {family.name + suffix for suffix in _OWN_SUFFIXES[family.type]}
    return names


def _put_in(expression: str) -> str:
    for variable, text in _VARIABLES.items():
        expression = re.sub(variable, text, expression)
    return expression
