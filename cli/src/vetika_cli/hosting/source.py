"""What the folders of organizations are made from: the checkout's compose file and its contracts."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from vetika_cli.places import checkout

_SECTIONS: Final = ("services", "networks", "volumes", "secrets")


class Source:
    """A checkout, or the part of one that is in an image."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or checkout()

    @cached_property
    def topics(self) -> Mapping[str, Any]:
        """Every topic with its producers, consumers and groups (`contracts/topics.yaml`)."""
        overview: Mapping[str, Any] = _yaml(self._folder / "contracts" / "topics.yaml")
        return overview

    @property
    def services(self) -> list[str]:
        """Every service that there is."""
        return sorted({topic["owner"] for topic in self.topics["topics"].values()})

    def compose(self, *overlays: str) -> dict[str, Any]:
        """Return the compose file for everything, with overlays of `deploy/compose/` laid over it."""
        base = _yaml(self._folder / "docker-compose.yml")
        whole: dict[str, Any] = {section: base.get(section) or {} for section in _SECTIONS}
        for name in overlays:
            overlay = _yaml(self._folder / "deploy" / "compose" / f"{name}.yml")
            whole = _merged(whole, {section: overlay.get(section) or {} for section in _SECTIONS})
        return whole

    def copies(self, paths: Iterable[PurePosixPath]) -> Iterator[tuple[Path, Path]]:
        """Yield the files at and below paths of the checkout, each with its place in a folder of copies."""
        for path in paths:
            for file in self._files(self._folder / path):
                place = file.relative_to(self._folder)
                yield file, place.relative_to("deploy") if place.parts[0] == "deploy" else place

    def contract(self, service: str) -> Iterator[tuple[Path, Path]]:
        """Yield the files of a service's contract, each with its place in a folder of contracts."""
        folder = self._folder / "contracts"
        for file in self._files(folder / service):
            yield file, file.relative_to(folder)

    @staticmethod
    def _files(path: Path) -> list[Path]:
        return [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def _merged(base: Any, overlay: Any) -> Any:
    """Lay one compose file over another, as `docker compose -f … -f …` does with maps and lists."""
    if isinstance(base, dict) and isinstance(overlay, dict):
        both = {key: _merged(base[key], overlay[key]) for key in base if key in overlay}
        return {**base, **overlay, **both}
    if isinstance(base, list) and isinstance(overlay, list):
        return [*base, *overlay]
    return overlay
