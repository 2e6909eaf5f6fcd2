"""Holding what the new version would say against what the running ones understand.

Two rules: a type changes only as its readers can bear, and consumers go before producers. Each is looked
at by the languages that the reports carry: of the version that looked (the new one), and of the version
that was started last (the running one).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vetika_cli.contracts.compatibility import breaking
from vetika_cli.contracts.faults import faults
from vetika_cli.contracts.files import Folder
from vetika_cli.contracts.variants import variants
from vetika_cli.upgrade.reports import Language, Report
from vetika_kit.check import Finding, Level

Key = tuple[str, str, str]  # service, stream, type


def contracts(reports: Sequence[Report], *, folder: Folder) -> Iterator[tuple[str, Finding]]:
    """Yield, by service, what stands between the running versions' language and the new one's.

    Args:
        reports: Of all services that are here; of those elsewhere nothing can be said.
        folder: The published examples, which readers are tried with.
    """
    for report in reports:
        if report.language is None:
            continue
        found = [*_broken(report), *_not_read(report, reports, folder=folder)]
        if not found and report.running is None:
            what = "the running version left no record of what it publishes; it will from now on"
            found = [Finding(level=Level.NOTE, about="contracts", what=what)]
        if not found:
            what = "every reader that runs here bears what this version publishes"
            found = [Finding(level=Level.GOOD, about="contracts", what=what)]
        yield from ((report.service, finding) for finding in found)


def _broken(report: Report) -> Iterator[Finding]:
    if report.running is None or report.language is None:
        return
    new = _published(report.service, report.language)
    for key, schema in _published(report.service, report.running).items():
        if key not in new:
            yield _bad(
                f"{key[2]} is published now and would be no more: keep it as long as somebody reads it"
            )
            continue
        for change in breaking(schema, new[key]):
            yield _bad(f"{key[2]} {change}: publish a new version of the type beside it")


def _not_read(producer: Report, reports: Sequence[Report], *, folder: Folder) -> Iterator[Finding]:
    if producer.language is None:
        return
    for key, schema in _published(producer.service, producer.language).items():
        for consumer in reports:
            if consumer.running is None or consumer.language is None:
                continue
            reads = _read(consumer.running)
            if key not in reads:
                if key in _read(consumer.language):
                    yield _first(consumer, f"does not read {key[2]} yet, and would skip it")
            elif (told := _unread(key, schema, reads[key], folder=folder)) is not None:
                yield _first(consumer, f"does not load {key[2]} {told}")


def _first(consumer: Report, what: str) -> Finding:
    version = consumer.running["version"] if consumer.running else ""
    return _bad(f"{consumer.service} {version} runs and {what}: replace its workers first, then look again")


def _unread(
    key: Key, schema: Mapping[str, Any], reader: Mapping[str, Any] | None, *, folder: Folder
) -> str | None:
    """Say which data of a type a reader does not load; None where it loads all, or reads a tombstone."""
    if reader is None:
        return None
    for path, example in folder.examples(key[0], key[2]):
        data = example["data"]
        for told, variant in (
            ("", data),
            *((f" where {told}", one) for told, one in variants(data, schema=schema)),
        ):
            if not faults(variant, schema=schema) and (found := faults(variant, schema=reader)):
                return f"as {path.name}{told} ({found[0]})"
    return None


def _published(service: str, language: Language) -> dict[Key, Mapping[str, Any]]:
    return {(service, one["stream"], one["type"]): one["schema"] for one in language["publishes"]}


def _read(language: Language) -> dict[Key, Mapping[str, Any] | None]:
    return {(one["service"], one["stream"], one["type"]): one["schema"] for one in language["reads"]}


def _bad(what: str) -> Finding:
    return Finding(level=Level.BAD, about="contracts", what=what)
