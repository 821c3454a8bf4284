"""Large tables of hosts or ports, read from a YAML file of their own, past OmegaConf."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from .locate import find_file
from .reading import current_reading
from .yaml import read_checked

__all__ = ("read_inventory",)


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
    current_reading().admit(path, f"the inventory {name!r}")
    state = path.stat()
    return list(_read(path, state.st_mtime_ns, state.st_size))
