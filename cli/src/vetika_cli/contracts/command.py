"""`vetika contracts`: write the contracts, or check them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from vetika_cli.contracts.catalog import Catalog, ContractError, catalog_of, installed_services
from vetika_cli.contracts.check import Subject, findings, invalid, surplus
from vetika_cli.contracts.compatibility import breaking
from vetika_cli.contracts.files import Folder, generated, missing_example
from vetika_cli.contracts.published import published, reference
from vetika_cli.places import checkout


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 when the contracts hold, 1 when they do not."""
    arguments = _parser().parse_args(argv)
    root: Path = arguments.checkout
    against = arguments.against or reference(root)
    if against is None:
        print("There is no git history here: nothing counts as published, and only the files are compared.")
    try:
        before = Folder(texts={}) if against is None else published(root, reference=against)
        catalog = catalog_of(installed_services(root))
        if arguments.check:
            return check(catalog, folder=root / "contracts", published=before)
        return write(catalog, folder=root / "contracts", published=before)
    except (ContractError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def check(catalog: Catalog, *, folder: Path, published: Folder) -> int:
    """Print what does not hold; change nothing."""
    found = findings(Subject(catalog=catalog, folder=Folder.on_disk(folder), published=published))
    failures = [finding for finding in found if finding.fails]
    for finding in found:
        if not finding.fails:
            print(f"note: {finding}")
    for finding in failures:
        print(f"  {finding}", file=sys.stderr)
    types, readings = len(list(catalog.contracts())), sum(len(service.reads) for service in catalog.services)
    if failures:
        print(f"The contracts do not hold: {len(failures)} findings.", file=sys.stderr)
        return 1
    print(f"The contracts hold: {len(catalog.services)} services, {types} types, {readings} readings.")
    return 0


def write(catalog: Catalog, *, folder: Path, published: Folder) -> int:
    """Write what the code says; refuse what breaks a published contract.

    A type that is not published yet may change at will: its schema is written anew, and those of its
    examples that no longer fit go.
    """
    refused = [
        f"  {contract.service}/{contract.type}: {change}"
        for contract in catalog.contracts()
        if (old := published.schema(contract.service, contract.type)) is not None
        for change in breaking(old, contract.json_schema)
    ]
    if refused:
        print(
            "Nothing was written: these changes break what is published.", *refused, sep="\n", file=sys.stderr
        )
        print("Publish a new version of the type beside the old one instead.", file=sys.stderr)
        return 1
    written = _write_texts(folder, generated(catalog))
    present = Folder.on_disk(folder)
    gone = surplus(catalog, present)
    for contract in catalog.contracts():
        kept = present.examples(contract.service, contract.type)
        gone |= {path for path, example in kept if invalid(contract, example)}
    for path in gone - published.texts.keys():
        _remove(folder, path)
    present = Folder.on_disk(folder)
    examples = dict(filter(None, (missing_example(contract, present) for contract in catalog.contracts())))
    written += _write_texts(folder, examples)
    for path in written:
        print(f"contracts/{path}")
    print(f"{len(written)} files written." if written else "Nothing has changed.")
    return 0


def _write_texts(folder: Path, texts: dict[PurePosixPath, str]) -> list[PurePosixPath]:
    """Write the files that differ; return their names."""
    changed = []
    for name, text in sorted(texts.items()):
        path = folder / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        changed.append(name)
    return changed


def _remove(folder: Path, name: PurePosixPath) -> None:
    path = folder / name
    path.unlink()
    for parent in path.parents:
        if parent == folder or any(parent.iterdir()):
            break
        parent.rmdir()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vetika contracts",
        description="Write contracts/ from the services' code: schemas, examples, AsyncAPI, topics.",
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail when the contracts do not hold"
    )
    parser.add_argument(
        "--against",
        metavar="COMMIT",
        help="what counts as published (default: origin/main if there is one, else HEAD)",
    )
    parser.add_argument(
        "--checkout", type=Path, default=checkout(), metavar="FOLDER", help="default: %(default)s"
    )
    return parser
