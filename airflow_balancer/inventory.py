"""Large tables of hosts or ports, read from a YAML file of their own, past OmegaConf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from .errors import ConfigurationError
from .keys import calling_file, calling_frame

__all__ = ("find_file", "read_inventory", "read_yaml", "searching", "upwards")

_TREES = ("", "conf", "config")
_folders: ContextVar[tuple[Path, ...]] = ContextVar("airflow_balancer_folders", default=())


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as plain data, in C where PyYAML has it; a key that is there twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 (PyYAML's signature)
        """Return the mapping of a node, each key once."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value
            if key in seen and key != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"found duplicate key {key}", key_node.start_mark)
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(path: Path) -> Any:
    """Return a YAML file as plain data.

    Raises:
        yaml.YAMLError: It is no YAML; a mark says where.
        UnicodeDecodeError: It is not UTF-8.
        OSError: It cannot be read.
    """
    loader = _Loader(path.read_text(encoding="utf-8"))
    loader.name = str(path)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


@contextmanager
def searching(folders: Sequence[Path]) -> Iterator[None]:
    """Look for relative paths in these folders first, while a configuration of them is resolved."""
    token = _folders.set(tuple(folders))
    try:
        yield
    finally:
        _folders.reset(token)


def upwards(folder: Path) -> tuple[Path, ...]:
    """Return the folder and those above it."""
    folder = folder.absolute()
    return (folder, *folder.parents)


def find_file(name: str) -> Path:
    """Return the file that a configuration names.

    A relative name is looked for in the configuration's own folders, then beside the calling file and
    upwards, there also in `conf/` and `config/`, then in the working directory.

    Raises:
        ConfigurationError: It is in none of them.
    """
    caller = calling_file(calling_frame())
    above = [folder / tree for folder in (upwards(caller.parent) if caller else ()) for tree in _TREES]
    for folder in (*_folders.get(), *above, Path.cwd()):
        if (path := folder / name).is_file():
            return path
    looked = ", ".join(str(folder) for folder in (*_folders.get(), *([caller.parent] if caller else []), Path.cwd()))
    raise ConfigurationError(f"there is no file {name!r} (looked in {looked}, and above the calling file)")


@lru_cache(maxsize=32)
def _read(path: Path, modified: int, size: int) -> tuple[Any, ...]:  # noqa: ARG001 (the file's state is the cache's key)
    data = read_yaml(path)
    if isinstance(data, dict):
        return tuple({"name": name, **(value or {})} for name, value in data.items())
    if isinstance(data, list):
        return tuple(data)
    raise ConfigurationError(f"{path}: an inventory is a list, or a mapping by name, not {data!r}")


def read_inventory(name: str) -> list[Any]:
    """Return the table in a YAML file as a plain list; the file is read again only when it changed."""
    path = find_file(name)
    state = path.stat()
    return list(_read(path, state.st_mtime_ns, state.st_size))
