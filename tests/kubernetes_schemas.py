"""JSON Schemas for kubeconform, made from what Kubernetes and others publish in their Go modules.

Strict ones: a field that an object does not have is refused, as the API server does with strict validation.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

# Kubernetes takes a number where these say text (kubernetes/kubernetes, api/openapi-spec/README.md).
NUMBER_OR_TEXT = {"oneOf": [{"type": "string"}, {"type": "number"}]}
ALSO_NUMBERS = ("util.intstr.IntOrString", "api.resource.Quantity")


def write_schemas(folder: Path, *, api: Path, custom: list[Path]) -> None:
    """Write one file for each kind, named as kubeconform asks for it.

    Args:
        folder: Where to.
        api: Kubernetes' OpenAPI document (Swagger 2).
        custom: CustomResourceDefinitions.
    """
    for kind, group, version, schema in (*_built_in(api), *_custom(custom)):
        words = [kind, group.partition(".")[0], version]
        name = "-".join(word for word in words if word).lower()
        (folder / f"{name}.json").write_text(json.dumps(schema))


def _built_in(api: Path) -> Iterator[tuple[str, str, str, Any]]:
    definitions: dict[str, Any] = json.loads(api.read_text("utf-8"))["definitions"]
    for name, definition in definitions.items():
        for meant in definition.get("x-kubernetes-group-version-kind", ()):
            needed: dict[str, Any] = {}
            _collect(name, definitions, needed)
            schema = {"$ref": f"#/definitions/{name}", "definitions": needed}
            yield meant["kind"], meant["group"], meant["version"], schema


def _collect(name: str, definitions: Mapping[str, Any], needed: dict[str, Any]) -> None:
    if name in needed:
        return
    if name.endswith(ALSO_NUMBERS):
        needed[name] = NUMBER_OR_TEXT
        return
    needed[name] = _strict(definitions[name])
    for other in _references(definitions[name]):
        _collect(other, definitions, needed)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference.removeprefix("#/definitions/")
        for part in schema.values():
            yield from _references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def _custom(files: list[Path]) -> Iterator[tuple[str, str, str, Any]]:
    for file in files:
        spec = yaml.safe_load(file.read_text("utf-8"))["spec"]
        for version in spec["versions"]:
            schema = _strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            yield spec["names"]["kind"], spec["group"], version["name"], schema


def _strict(schema: Any) -> Any:
    """Close every object that names its fields."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {word: _strict(part) for word, part in schema.items()}
    named = isinstance(closed.get("properties"), dict) and closed.get("type") == "object"
    if named and not closed.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed
