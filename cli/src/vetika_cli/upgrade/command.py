"""`vetika doctor --upgrade`: gather the reports, hold them against each other, say each finding in a line."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from vetika_cli.contracts.files import Folder
from vetika_cli.installation import Installation
from vetika_cli.places import checkout
from vetika_cli.upgrade import comparison, reports
from vetika_kit.check import Finding, Level

_WORDS: Final = {Level.GOOD: "good", Level.NOTE: "note", Level.BAD: "BAD"}


def look(arguments: argparse.Namespace) -> int:
    """Print what was found; 1 when something of it would stop an upgrade. Nothing is changed."""
    gathered, found = _gathered(arguments)
    found += [(report.service, finding) for report in gathered for finding in report.findings]
    found += comparison.contracts(gathered, folder=Folder.on_disk(checkout() / "contracts"))
    stops = any(finding.level is Level.BAD for _, finding in found)
    if arguments.json:
        rows = [{"service": service, **asdict(finding)} for service, finding in found]
        print(json.dumps({"stops": stops, "findings": rows}, indent=2))
    else:
        for service, finding in sorted(found, key=lambda one: one[0]):
            print(f"{_WORDS[finding.level]:<4}  {service}: {finding.about}: {finding.what}")
    return 1 if stops else 0


def _gathered(arguments: argparse.Namespace) -> tuple[list[reports.Report], list[tuple[str, Finding]]]:
    if arguments.report:
        return [*reports.of_files(arguments.report)], []
    if arguments.compose:
        compose = reports.Compose(
            files=arguments.file or (),
            project=arguments.project_name,
            directory=arguments.project_directory,
        )
        return [*reports.of_compose(compose)], []
    installation = Installation.current(port_offset=arguments.port_offset)
    return [*reports.of_embedded(installation)], [*_of_machine(installation)]


def _of_machine(installation: Installation) -> Iterator[tuple[str, Finding]]:
    from vetika_cli import machine  # noqa: PLC0415 - where the embedded servers are not installed it is not asked

    for lack in machine.lacks(installation):
        yield "machine", Finding(level=Level.BAD, about="machine", what=lack)
