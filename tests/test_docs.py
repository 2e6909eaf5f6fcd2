"""The pages for people keep up with the code: links, settings and metrics are the real ones."""

import re
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from vetika_kit import metrics as kit_metrics
from vetika_kit.config import ServiceConfig

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("services/*/README.md")])
OPERATORS = ROOT / "docs" / "for-operators.md"
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/src/*/service.py"))


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every relative link of a page names a file that is there."""
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_operators_are_told_every_setting():
    """Each variable that a service reads is on the operators' page, and none that nobody reads."""
    declared = set()
    for service in SERVICES:
        for member in vars(import_module(f"{service}.config")).values():
            if isinstance(member, type) and issubclass(member, ServiceConfig):
                declared |= {
                    field.metadata["variable"] for field in fields(member) if "variable" in field.metadata
                }
    told = set(re.findall(r"^\| `(VETIKA_\w+)` \|", OPERATORS.read_text(encoding="utf-8"), re.MULTILINE))
    assert told == declared


def test_operators_are_told_every_metric():
    """Each metric that a process shows is on the operators' page with its meaning."""
    shown = set()
    own = [f"{service}.metrics" for service in SERVICES if find_spec(f"{service}.metrics")]
    for module in (kit_metrics, *map(import_module, own)):
        for member in vars(module).values():
            if isinstance(member, MetricWrapperBase):
                description = next(iter(member.collect()))
                shown.add(description.name + ("_total" if description.type == "counter" else ""))
    told = set(re.findall(r"^\| `(vetika_\w+)` \|", OPERATORS.read_text(encoding="utf-8"), re.MULTILINE))
    assert told == shown
