"""Finds the file or override that a value of a composed config comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from os.path import isfile  # Path.is_file raises if a name is too long
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import yaml

from ..caching import cached
from ..files.yaml import read_yaml
from ..fleet.masking import mask_word
from .nodes import Path, node_at


class Layer(NamedTuple):
    """One config of a defaults list: its name, and the package that it is merged into."""

    config: str
    package: str


class Origins:
    """Finds the origin of a value.

    Args:
        folders: The folders that hold the layers' files.
        find_layers: Returns the layers in merge order; called once, for the first origin.
        overrides: The overrides in merge order.
    """

    def __init__(self, folders: Sequence[FilePath], find_layers: Callable[[], Sequence[Layer]], overrides: Sequence[str]) -> None:
        self._folders = folders
        self._find_layers = find_layers
        self.overrides = overrides

    def of(self, path: Path) -> str:
        """Return the override or file that sets a value, else its nearest parent; an empty string if nothing does."""
        for length in range(len(path), 0, -1):
            found = self._override(path[:length]) or self._file(path[:length])
            if found or (length == len(path) and (found := self._inside(path))):
                return found
        return ""

    def files(self) -> list[FilePath]:
        """Return the files of the layers in merge order."""
        return list(dict.fromkeys(file for file, _ in self._layers))

    def below(self, path: Path, data: Any) -> list[tuple[Path, Any, str]]:
        """Return the path, the value and the origin of each leaf of `data`, the value at `path`."""
        parts = [(str(file), node) for file, package in self._layers for node in _part(self._contents[file], package, path)]
        return list(self._below(path, data, parts, self.of(path)))

    def _below(self, path: Path, data: Any, parts: list[tuple[str, Any]], above: str) -> Iterator[tuple[Path, Any, str]]:
        items = list(data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ())
        if not items:
            yield path, data, above
        for key, value in items:
            setting = [(file, node[key]) for file, node in parts if _has(node, key)]
            # A key that no file sets, in a mapping that a file sets, comes from a structured config.
            default = bool(parts) and isinstance(parts[-1][1], Mapping) and not above.startswith("override ")
            origin = self._override((*path, key)) or (setting[-1][0] if setting else "" if default else above)
            yield from self._below((*path, key), value, setting, origin)

    @cached
    def _layers(self) -> list[tuple[FilePath, Path]]:
        """The file and the package of each layer that has a file."""
        found = ((self._find(layer.config), tuple(layer.package.split(".")) if layer.package else ()) for layer in self._find_layers())
        return [(file, package) for file, package in found if file]

    @cached
    def _contents(self) -> dict[FilePath, Any]:
        return {file: _content(file) for file in self.files()}

    def _find(self, config: str) -> FilePath | None:
        return next((file for folder in self._folders if isfile(file := folder / f"{config}.yaml")), None)

    def _override(self, path: Path) -> str:
        """Return the last override that sets the value at a path, or a parent of it with that value."""
        wanted = tuple(map(str, path))
        for override in reversed(self.overrides):
            key, separator, _ = override.lstrip("+~").partition("=")
            at = tuple(key.split("."))
            if separator and wanted[: len(at)] == at and (len(at) == len(wanted) or _gives(_value(override), path[len(at) :])):
                return _label(override)
        return ""

    def _inside(self, path: Path) -> str:
        """Return the last override that sets a part of the value at a path, else the last file that is merged into it."""
        wanted = tuple(map(str, path))
        for override in reversed(self.overrides):
            at = tuple(override.lstrip("+").partition("=")[0].split("."))
            if len(at) > len(wanted) and at[: len(wanted)] == wanted:
                return _label(override)
        return next((str(file) for file, package in reversed(self._layers) if package[: len(path)] == path), "")

    def _file(self, path: Path) -> str:
        for file, package in reversed(self._layers):
            below = path[len(package) :]
            if below and path[: len(package)] == package and _has(node_at(self._contents[file], below[:-1]), below[-1]):
                return str(file)
        return ""


def _label(override: str) -> str:
    return f"override {mask_word(override.removeprefix('++'))!r}"


@cache
def _value(override: str) -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(override).value()
    except HydraException:
        return {}


def _gives(value: Any, path: Path) -> bool:
    """Return whether an override's value sets the path below it. A mapping is merged; any other value replaces all."""
    for key in path:
        if not isinstance(value, Mapping):
            return True
        if key not in value:
            return False
        value = value[key]
    return True


def _content(file: FilePath) -> Any:
    try:
        return read_yaml(file)
    except (OSError, UnicodeError, yaml.YAMLError):
        return None


def _part(content: Any, package: Path, path: Path) -> Iterator[Any]:
    """Yield the part at a path of a layer's content, once that is merged into a package."""
    common = min(len(package), len(path))
    if package[:common] != path[:common]:
        return
    if len(package) <= len(path):
        node = node_at(content, path[len(package) :])
        yield from () if node is None else (node,)
        return
    for key in reversed(package[common:]):
        content = {key: content}
    yield content


def _has(node: Any, key: str | int) -> bool:
    if isinstance(node, Mapping):
        return key in node
    return isinstance(node, list) and isinstance(key, int) and key < len(node)
