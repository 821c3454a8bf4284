"""Which file or override each value of a composed config comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import yaml

from ..errors import ConfigurationError
from ..files.yaml import read_yaml
from ..fleet.masking import MASK, is_secret_key

_MODULES = ("airflow_balancer", "airflow_balancer.config", "airflow_balancer.config.balancer", "airflow_config", "airflow_pydantic")
BALANCER_TARGETS = frozenset(f"{module}.BalancerConfiguration" for module in _MODULES)
"""The `_target_`s under which a balancer is known, here and in the packages that export it."""

_USUAL_PATHS = (("extensions", "balancer"), ("balancer",))
Path = tuple[str | int, ...]


def dotted(path: Path) -> str:
    """Return a path as OmegaConf writes it, such as `dags.etl.tasks[0]`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def walk(data: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """Return every value of plain data with its path, parents before children."""
    found = [(path, data)]
    if isinstance(data, Mapping):
        for key, value in data.items():
            found += walk(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += walk(value, (*path, index))
    return found


def has_interpolation(data: Any) -> bool:
    """Return whether plain data holds a string that is still to be resolved, or given."""
    if isinstance(data, str):
        return "${" in data or data == "???"
    if isinstance(data, Mapping):
        return any(map(has_interpolation, data.values()))
    return isinstance(data, list) and any(map(has_interpolation, data))


def node_at(data: Any, path: Path) -> Any:
    """Return the value at a path of plain data; None where there is none."""
    for key in path:
        if isinstance(data, Mapping):
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return None
    return data


def _is_balancer(data: Any) -> bool:
    return isinstance(data, Mapping) and data.get("_target_") in BALANCER_TARGETS


def find_balancer(root: Mapping[Any, Any]) -> Path:
    """Return the path of the balancer's node; empty where the root itself is it.

    It is the root, `extensions.balancer` or `balancer`, else the one node with a balancer's `_target_`.

    Raises:
        ConfigurationError: There is none, or several.
    """
    if _is_balancer(root):
        return ()
    for path in _USUAL_PATHS:
        if node_at(root, path) is not None:
            return path
    if "hosts" in root:
        return ()
    found = [path for path, value in walk(root) if _is_balancer(value)]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(map(dotted, found))
        raise ConfigurationError(f"there are several balancers, at {places}; call one of them 'extensions.balancer' or 'balancer'")
    raise ConfigurationError("there is no balancer; give 'hosts:' at the top, or below 'balancer:' or 'extensions.balancer:'")


class Layer(NamedTuple):
    """One config of a defaults list: its name, and the package that it is put into."""

    config: str
    package: str


class Origins:
    """Finds where values come from, among layers and overrides in the order in which they were merged.

    Args:
        folders: Where the layers' files are.
        find_layers: Returns the layers; called once, when the first origin is asked for.
        overrides: The overrides.
    """

    def __init__(self, folders: Sequence[FilePath], find_layers: Callable[[], Sequence[Layer]], overrides: Sequence[str]) -> None:
        self._folders = folders
        self._find_layers = find_layers
        self._overrides = overrides

    @cached_property
    def _layers(self) -> Sequence[Layer]:
        return self._find_layers()

    def of(self, path: Path) -> str:
        """Return the override or the file that sets the value at a path, or the nearest one above it; else an empty text."""
        for length in range(len(path), 0, -1):
            if found := self._override(path[:length]) or self._file(path[:length]):
                return found
        return ""

    def files(self) -> list[FilePath]:
        """Return the file of each layer that has one, in the order in which they were merged."""
        return list(self._files())

    def each(self, path: Path, data: Any) -> Iterator[tuple[Path, Any, str]]:
        """Yield every value at or below a path that is no mapping or list, and what `of` says of it; each file is read once."""
        contents = [(str(file), package, _content(file)) for file, package in self._files().items()]
        parts = [(file, node) for file, package, content in contents for node in _part(content, package, path)]
        yield from self._each(path, data, parts, self.of(path))

    def _each(self, path: Path, data: Any, parts: list[tuple[str, Any]], above: str) -> Iterator[tuple[Path, Any, str]]:
        items = list(data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ())
        if not items:
            yield path, data, above
        for key, value in items:
            below = [(file, node_at(node, (key,))) for file, node in parts if _has(node, (key,))]
            # A key that no file has below a mapping that some file has is a structured config's.
            default = bool(parts) and isinstance(parts[-1][1], Mapping) and not above.startswith("override ")
            origin = self._override((*path, key)) or (below[-1][0] if below else "" if default else above)
            yield from self._each((*path, key), value, below, origin)

    def _files(self) -> dict[FilePath, Path]:
        found = ((self._find(layer.config), layer.package) for layer in self._layers)
        return {file: tuple(package.split(".")) if package else () for file, package in found if file}

    def _override(self, path: Path) -> str:
        wanted = ".".join(map(str, path))
        for override in reversed(self._overrides):
            key, separator, _ = override.lstrip("+~").partition("=")
            if separator and key == wanted:
                shown = f"{key}={MASK}" if is_secret_key(key.rpartition(".")[2]) else override.removeprefix("++")
                return f"override {shown!r}"
        return ""

    def _file(self, path: Path) -> str:
        for layer in reversed(self._layers):
            package = tuple(layer.package.split(".")) if layer.package else ()
            if path[: len(package)] != package:
                continue
            file = self._find(layer.config)
            if file and _has(_content(file), path[len(package) :]):
                return str(file)
        return ""

    def _find(self, config: str) -> FilePath | None:
        for folder in self._folders:
            if (file := folder / f"{config}.yaml").is_file():
                return file
        return None


def _content(file: FilePath) -> Any:
    try:
        return read_yaml(file)
    except (OSError, UnicodeError, yaml.YAMLError):
        return None


def _part(content: Any, package: Path, path: Path) -> Iterator[Any]:
    """Yield what a layer's content says of a path, given the package that it is put into."""
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


def _has(content: Any, path: Path) -> bool:
    if not path:
        return False
    parent = node_at(content, path[:-1])
    if isinstance(parent, Mapping):
        return path[-1] in parent
    return isinstance(parent, list) and isinstance(path[-1], int) and path[-1] < len(parent)
