"""Reading a hosting file: its shape by the JSON Schema, then the rules that go across it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from vetika_cli.errors import UserError
from vetika_cli.hosting.coalition import Certificates, Coalition, Kafka, Organization, Partner
from vetika_cli.hosting.rules import complaints
from vetika_cli.places import checkout

SCHEMA: Final = checkout() / "deploy" / "hosting" / "hosting.schema.json"


def read(path: Path, *, services: Sequence[str]) -> Coalition:
    """Return the coalition that a hosting file describes.

    Args:
        path: The file.
        services: Every service that there is; each must be hosted by somebody.

    Raises:
        UserError: The file is not there or breaks rules; every one is named with its place.
    """
    return parsed(_text(path), path=path, services=services)


def parsed(text: str, *, path: Path, services: Sequence[str]) -> Coalition:
    """Return the coalition that the text of a hosting file describes; raise as `read` does."""
    try:
        document = yaml.load(text, Loader=_OnceLoader)  # noqa: S506 - a SafeLoader underneath
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}.") from error
    found = list(_breaks_of_shape(document)) or list(complaints(document, path=path, services=services))
    if found:
        raise UserError("\n".join([f"{path} cannot be used:", *(f"  {one}" for one in found)]))
    return _coalition(document, path=path)


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key that is given twice, of which YAML's readers silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1 and key != "<<":
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key} is given twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep=deep)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise UserError(
            f"There is no {path}: copy deploy/hosting/hosting.yml and change it to your own."
        ) from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text.") from error


def _breaks_of_shape(document: Any) -> Iterator[str]:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    for error in sorted(
        validator.iter_errors(document), key=lambda error: [str(part) for part in error.path]
    ):
        yield f"{_place(error)}: {_sentence(error)}."


def _place(error: ValidationError) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return place.removeprefix(".") or "the file"


def _sentence(error: ValidationError) -> str:
    """Return what is wrong, in a person's words; the schema's descriptions say what is wanted."""
    schema: Any = error.schema
    rule: Any = error.validator_value
    given: Any = error.instance
    wanted = schema.get("description", "")
    match error.validator:
        case "required":
            sentence = f"{' and '.join(key for key in rule if key not in given)} must be given"
        case "additionalProperties":
            unknown = " or ".join(sorted(set(given) - set(schema["properties"])))
            sentence = f"there is no {unknown} here; there are {', '.join(schema['properties'])}"
        case "minItems":
            sentence = f"at least one must be given: {wanted}"
        case "uniqueItems":
            sentence = "the same is given twice"
        case "enum":
            sentence = f"{given!r} is not one of {', '.join(rule)}"
        case "pattern" if "propertyNames" in error.absolute_schema_path:
            sentence = f"{given!r} is no name of a setting: capital letters, digits and underscores"
        case _:
            sentence = f"must be {wanted}" + ("" if isinstance(given, dict | list) else f", not {given!r}")
    return sentence


def _coalition(document: Mapping[str, Any], *, path: Path) -> Coalition:
    kafka = document["kafka"]
    return Coalition(
        name=document["coalition"],
        kafka=Kafka(
            hosted_by=kafka["hosted_by"],
            addresses=tuple(kafka["addresses"]),
            ca=path.parent / kafka["ca"] if "ca" in kafka else None,
        ),
        organizations=tuple(
            Organization(
                name=one["name"],
                title=one.get("title", one["name"]),
                address=one["address"],
                services=tuple(one["services"]),
                certificates=Certificates(one.get("certificates", Certificates.COALITION)),
                sandbox=one.get("sandbox", False),
                settings={name: _setting(value) for name, value in one.get("settings", {}).items()},
            )
            for one in document["organizations"]
        ),
        partners=tuple(
            Partner(name=one["name"], title=one.get("title", one["name"]), topics=tuple(one["topics"]))
            for one in document.get("partners", ())
        ),
    )


def _setting(value: object) -> str:
    """Return a setting as the environment has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
