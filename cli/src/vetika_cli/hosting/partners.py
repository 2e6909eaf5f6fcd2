"""Partners come and go in the hosting file, whose comments and order stay as people wrote them."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from vetika_cli.errors import UserError


def with_partner(text: str, *, name: str, title: str | None, topics: Sequence[str]) -> str:
    """Return a hosting file's text with one more partner; UserError when it is there already."""
    document = _editor().load(text)
    partners = document.setdefault("partners", [])
    if partners is None:
        partners = document["partners"] = []
    if any(one["name"] == name for one in partners):
        raise UserError(f"There is a partner {name} already: change its topics in the file, and render.")
    partner: dict[str, Any] = {"name": name}
    if title is not None:
        partner["title"] = title
    partners.append({**partner, "topics": list(topics)})
    return _text(document)


def without_partner(text: str, *, name: str) -> str:
    """Return a hosting file's text without a partner; UserError when it is not there."""
    document = _editor().load(text)
    partners = document.get("partners") or []
    place = next((number for number, one in enumerate(partners) if one["name"] == name), None)
    if place is None:
        known = ", ".join(str(one["name"]) for one in partners) or "none"
        raise UserError(f"There is no partner {name}; there are: {known}.")
    del partners[place]
    return _text(document)


def _editor() -> YAML:
    editor = YAML()  # keeps comments, order and quotes
    editor.indent(mapping=2, sequence=4, offset=2)
    editor.width = 4096  # a line stays a line
    editor.preserve_quotes = True
    return editor


def _text(document: Any) -> str:
    stream = StringIO()
    _editor().dump(document, stream)
    return stream.getvalue()


def write(path: Path, text: str) -> None:
    """Replace a hosting file whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
