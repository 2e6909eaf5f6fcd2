"""The files of `contracts/`: what they must hold, and what they hold now."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from vetika_cli.contracts.asyncapi import document
from vetika_cli.contracts.catalog import Catalog, Contract
from vetika_cli.contracts.topics import overview

_HEAD: Final = "# Written by `./vetika contracts` from the services' code: change it there.\n"

Texts = Mapping[PurePosixPath, str]  # by path below contracts/


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The texts below a `contracts/` folder, on disk or as they were published."""

    texts: Texts

    @classmethod
    def on_disk(cls, folder: Path) -> "Folder":
        """Read a folder; one that is missing is empty."""
        kept = (path for path in folder.rglob("*") if path.is_file() and path.suffix in {".json", ".yaml"})
        return cls(
            texts={
                PurePosixPath(path.relative_to(folder).as_posix()): path.read_text("utf-8") for path in kept
            }
        )

    def types(self) -> set[tuple[str, str]]:
        """Return the services and types that have a schema here."""
        return {(path.parts[0], path.parts[1]) for path in self.texts if path.match("*/*/schema.json")}

    def schema(self, service: str, type_: str) -> Mapping[str, Any] | None:
        """Return a type's schema, or None where there is none.

        Raises:
            ValueError: The file is not JSON.
        """
        text = self.texts.get(PurePosixPath(service, type_, "schema.json"))
        schema: Mapping[str, Any] | None = None if text is None else json.loads(text)
        return schema

    def examples(self, service: str, type_: str) -> Iterator[tuple[PurePosixPath, Any]]:
        """Yield a type's examples, oldest first.

        Raises:
            ValueError: A file is not JSON.
        """
        folder = PurePosixPath(service, type_, "examples")
        for path in sorted(path for path in self.texts if path.parent == folder):
            yield path, json.loads(self.texts[path])


def generated(catalog: Catalog) -> dict[PurePosixPath, str]:
    """Return every file but the examples, as the code has it now."""
    texts = {PurePosixPath("topics.yaml"): _HEAD + _yaml(overview(catalog))}
    for service in catalog.services:
        texts[PurePosixPath(service.name, "asyncapi.yaml")] = _HEAD + _yaml(
            document(service, catalog=catalog)
        )
        for contract in service.publishes:
            texts[PurePosixPath(service.name, contract.type, "schema.json")] = as_json(contract.json_schema)
    return texts


def missing_example(contract: Contract, folder: Folder) -> tuple[PurePosixPath, str] | None:
    """Return the file that the code's present example needs, or None where one file holds it already.

    Examples are only ever added: what was once published must be readable for as long as the stream is kept.
    """
    paths = [PurePosixPath(contract.service, contract.type, "examples", "000.json")]
    for path, example in folder.examples(contract.service, contract.type):
        if example == contract.example:
            return None
        paths.append(path)
    return paths[-1].with_name(f"{int(paths[-1].stem) + 1:03}.json"), as_json(contract.example)


def as_json(value: object) -> str:
    """Write JSON as the files have it."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes each part out where it stands: a person reads these files, and so do tools without anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _yaml(value: object) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
