"""Large tables of hosts or ports, read from a YAML file of their own, past OmegaConf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from .keys import calling_file, calling_frame
from .locate import upwards
from .yaml import read_checked

__all__ = ("find_file", "read_inventory", "searched_folders", "searching")

_TREES = ("", "conf", "config")
_folders: ContextVar[tuple[Path, ...]] = ContextVar("airflow_balancer_folders", default=())


@contextmanager
def searching(folders: Sequence[Path]) -> Iterator[None]:
    """Look for relative paths in these folders first, while a configuration of them is resolved."""
    token = _folders.set(tuple(folders))
    try:
        yield
    finally:
        _folders.reset(token)


def searched_folders() -> tuple[Path, ...]:
    """Return the folders of the configuration that is being resolved, its own first; none where Hydra alone composes."""
    return _folders.get()


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
    data = read_checked(path)
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
