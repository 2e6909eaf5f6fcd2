"""Gathering what each service says of itself (`SERVICE check`): embedded, from compose, or from files."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vetika_cli.errors import UserError
from vetika_cli.installation import SERVICES, Installation
from vetika_kit.check import Finding, Level

LONGEST: Final = 180  # seconds that a look may take, the start of a container included
_WORKER: Final = "-worker"  # a process that has all that its service needs to look

Language = Mapping[str, Any]  # of events: `publishes` and `reads`, each with JSON Schemas


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one service said, or why it said nothing."""

    service: str
    findings: Sequence[Finding]
    language: Language | None = None  # of the version that looked
    running: Language | None = None  # of the version that was started last


@dataclass(frozen=True, kw_only=True)
class Compose:
    """A project of docker compose, as its own options name it."""

    files: Sequence[str] = field(default=())
    project: str | None = None
    directory: str | None = None

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of an action on the project."""
        options = [word for file in self.files for word in ("-f", file)]
        options += ["-p", self.project] if self.project else []
        options += ["--project-directory", self.directory] if self.directory else []
        return ["docker", "compose", *options, *arguments]


def of_embedded(installation: Installation) -> Iterator[Report]:
    """Let the services of an embedded run look, each with the settings of its worker."""
    from vetika_cli.processes import processes  # noqa: PLC0415 - brings the embedded servers

    for process in processes(installation):
        service, _, kind = process.name.partition("-")
        if service in SERVICES and f"-{kind}" == _WORKER:
            environment = {
                name: value for name, value in os.environ.items() if not name.startswith("VETIKA_")
            }
            command = [*process.command[:-1], "check"]
            yield _asked(service, command, environment={**environment, **process.environment})


def of_compose(compose: Compose) -> Iterator[Report]:
    """Let the services of a compose project look, each in a container of its own that goes with the look.

    UserError when docker compose does not know the project.
    """
    known = _run(compose.command("config", "--services"))
    if known.returncode:
        raise UserError(f"docker compose does not show the project: {_last(known.stderr)}")
    for name in sorted(known.stdout.split()):
        if name.endswith(_WORKER):
            command = compose.command("run", "--rm", "--no-deps", "-T", name, "check")
            yield _asked(name.removesuffix(_WORKER), command)


def of_files(paths: Sequence[Path]) -> Iterator[Report]:
    """Read reports that were kept, such as the logs of the chart's jobs; UserError when a file holds none."""
    for path in paths:
        try:
            report = _report(path.read_text("utf-8"))
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from error
        if report is None:
            raise UserError(f"{path} holds no report: it is what `SERVICE check` prints.")
        yield report


def _asked(service: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Report:
    done = _run(command, environment=environment)
    if (report := _report(done.stdout)) is not None:
        return report
    said = done.stderr or done.stdout
    if "invalid choice: 'check'" in said:
        finding = Finding(
            level=Level.NOTE,
            about="version",
            what="this image is older than the look before an upgrade: look with the new one",
        )
    else:
        finding = Finding(level=Level.BAD, about="look", what=f"does not look at itself: {_last(said)}")
    return Report(service=service, findings=[finding])


def _run(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603 - the project's own services
            command, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST
        )
    except FileNotFoundError as error:
        raise UserError(f"{command[0]} is not installed here.") from error
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer within {LONGEST} s")


def _report(text: str) -> Report | None:
    """Return the last line that is a report; a log may stand before it."""
    for line in reversed(text.splitlines()):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and {"service", "findings", "language", "running"} <= said.keys():
            findings = [Finding(**{**one, "level": Level(one["level"])}) for one in said["findings"]]
            return Report(
                service=said["service"],
                findings=findings,
                language=said["language"],
                running=said["running"],
            )
    return None


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it wrote nothing"
