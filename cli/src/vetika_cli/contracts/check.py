"""What the contract check refuses, and why, in words that say what to do."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from vetika_cli.contracts.catalog import Catalog, Contract
from vetika_cli.contracts.compatibility import Verdict, changes
from vetika_cli.contracts.envelope import record_schema
from vetika_cli.contracts.faults import faults
from vetika_cli.contracts.files import Folder, generated, missing_example
from vetika_cli.contracts.variants import variants
from vetika_kit.events import ReaderSchema
from vetika_kit.handlers import Handler

_REWRITE: Final = "run `./vetika contracts` and commit what it writes"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it must be, or that somebody should know."""

    where: str  # service/type or a file below contracts/
    what: str
    fails: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is checked: the code, the files beside it, and what is published already."""

    catalog: Catalog
    folder: Folder
    published: Folder


def findings(subject: Subject) -> list[Finding]:
    """Return all that the rules find; the contracts hold when none of it fails."""
    return [finding for rule in _RULES for finding in rule(subject)]


def _every_event_is_declared_once(subject: Subject) -> Iterator[Finding]:
    for service in subject.catalog.services:
        for name in service.undeclared:
            yield Finding(
                where=service.name, what=f"{name} is an EventSchema without @publishes: it has no contract"
            )
    owners = Counter(contract.type for contract in subject.catalog.contracts())
    for type_ in (type_ for type_, count in owners.items() if count > 1):
        yield Finding(where=type_, what="is published by more than one service; a type has one owner")


def _files_say_what_the_code_says(subject: Subject) -> Iterator[Finding]:
    expected = generated(subject.catalog)
    for path, text in expected.items():
        if path not in subject.folder.texts:
            yield Finding(where=str(path), what=f"is missing: {_REWRITE}")
        elif subject.folder.texts[path] != text:
            yield Finding(where=str(path), what=f"differs from the code: {_REWRITE}")
    for contract in subject.catalog.contracts():
        if (missing := missing_example(contract, subject.folder)) is not None:
            yield Finding(where=str(missing[0]), what=f"the code's example is not written down: {_REWRITE}")
    for path in sorted(surplus(subject.catalog, subject.folder)):
        yield Finding(where=str(path), what=f"belongs to nothing that the code publishes: {_REWRITE}")


def surplus(catalog: Catalog, folder: Folder) -> set[PurePosixPath]:
    """Return the files of services and types that the code does not have."""
    types = {(contract.service, contract.type) for contract in catalog.contracts()}
    expected = generated(catalog)
    return {
        path
        for path in folder.texts
        if path not in expected
        and not (path.match("*/*/examples/*.json") and (path.parts[0], path.parts[1]) in types)
    }


def _published_types_stay(subject: Subject) -> Iterator[Finding]:
    present = {(contract.service, contract.type) for contract in subject.catalog.contracts()}
    for service, type_ in sorted(subject.published.types() - present):
        yield Finding(
            where=f"{service}/{type_}",
            what="is published and gone from the code; a type stays for as long as its events are kept",
        )


def _published_schemas_change_compatibly(subject: Subject) -> Iterator[Finding]:
    for contract in subject.catalog.contracts():
        old = subject.published.schema(contract.service, contract.type)
        if old is None:
            continue
        for change in changes(old, contract.json_schema):
            fails = change.verdict is Verdict.BREAKING
            advice = f"; publish {_next_version(contract.type)} beside it instead" if fails else ""
            yield Finding(where=f"{contract.service}/{contract.type}", what=f"{change}{advice}", fails=fails)


def _next_version(type_: str) -> str:
    stem, _, version = type_.rpartition(".v")
    return f"{stem}.v{int(version) + 1}" if version.isdigit() else f"a new version of {type_}"


def _published_examples_stay(subject: Subject) -> Iterator[Finding]:
    for path, text in sorted(subject.published.texts.items()):
        if path.match("*/*/examples/*.json") and subject.folder.texts.get(path) != text:
            gone = path not in subject.folder.texts
            what = "is deleted" if gone else "is changed"
            yield Finding(where=str(path), what=f"{what}; examples are only added: put it back")


def _examples_satisfy_the_schema(subject: Subject) -> Iterator[Finding]:
    for contract in subject.catalog.contracts():
        for path, example in subject.folder.examples(contract.service, contract.type):
            for fault in invalid(contract, example):
                yield Finding(where=str(path), what=f"is no longer valid: {fault}")


def invalid(contract: Contract, example: Any) -> list[str]:
    """Return why an example is not a valid event, by the JSON Schema and by marshmallow's own rules."""
    if found := faults(example, schema=record_schema(contract)):
        return found
    if contract.schema is None:
        return []
    return [f"{field}: {told}" for field, told in contract.schema().validate(example["data"]).items()]


def _handled_types_have_a_producer(subject: Subject) -> Iterator[Finding]:
    for service in subject.catalog.services:
        for handler in service.reads:
            contract = subject.catalog.find(
                service=handler.service, stream=handler.stream, type_=handler.type
            )
            if contract is None:
                told = f"handles {handler.type} of {handler.service} ({handler.stream})"
                yield Finding(where=service.name, what=f"{told}, which nobody publishes")
            elif contract.is_tombstone != (handler.reads is None):
                kind = "a tombstone" if contract.is_tombstone else "no tombstone"
                yield Finding(
                    where=service.name, what=f"handles {handler.type}, which is {kind}, as the other"
                )


def _readers_load_all_that_may_be_published(subject: Subject) -> Iterator[Finding]:
    for contract in subject.catalog.contracts():
        readings = [
            (name, handler)
            for name, handler in subject.catalog.readers(contract)
            if handler.reads is not None
        ]
        if readings:
            for told, data in publishable(contract, subject.folder):
                yield from _unread(contract, readings, told=told, data=data)


def publishable(contract: Contract, folder: Folder) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield data that readers must load: every example, and what the schema allows beside each."""
    if contract.schema is None:
        return
    schema = contract.schema()
    examples = {path.name: example for path, example in folder.examples(contract.service, contract.type)}
    if contract.example not in examples.values():
        examples["the code's example"] = contract.example
    for name, example in examples.items():
        data = example["data"]
        yield name, data
        for told, variant in variants(data, schema=contract.json_schema):
            # A rule between fields may forbid what each field allows.
            if not schema.validate(variant):
                yield f"{name} where {told}", variant


def _unread(
    contract: Contract, readings: list[tuple[str, Handler]], *, told: str, data: Mapping[str, Any]
) -> Iterator[Finding]:
    for reader, handler in readings:
        reads: type[ReaderSchema] | None = handler.reads
        if reads is not None and (errors := reads().validate(dict(data))):
            yield Finding(
                where=f"{reader} reads {contract.service}/{contract.type}",
                what=f"{reads.__name__} does not load {told}: {errors}",
            )


_RULES: Final[tuple[Callable[[Subject], Iterator[Finding]], ...]] = (
    _every_event_is_declared_once,
    _published_types_stay,
    _published_schemas_change_compatibly,
    _published_examples_stay,
    _files_say_what_the_code_says,
    _examples_satisfy_the_schema,
    _handled_types_have_a_producer,
    _readers_load_all_that_may_be_published,
)
