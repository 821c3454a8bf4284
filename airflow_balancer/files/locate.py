"""Finds files: the root file of a configuration, the files that it names, and all YAML files below a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from os.path import exists, isdir, isfile  # those of Path raise for a name that is too long
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, suggestion
from .ansible import check_no_ansible
from .reading import calling_file, current_reading
from .yaml import read_checked

_ROOT_NAMES = ("config", "balancer")
_TREES = ("", "conf", "config")


def _upwards(folder: Path) -> tuple[Path, ...]:
    """Return the folder and those above it."""
    folder = folder.absolute()
    return (folder, *folder.parents)


def find_source(path: str | Path, beside: str | Path | None = None) -> Path:
    """Return the root file of a configuration.

    A relative path is looked up beside the calling file (or `beside`), then upwards, then in the
    working directory. A folder means its `config.yaml`, else its `balancer.yaml`.

    Raises:
        ConfigurationError: The file does not exist.
    """
    path = Path(path).expanduser()
    if path.is_absolute():
        return _root_file(path)
    start = Path(beside) if beside else calling_file()
    folders = [] if start is None else list(_upwards(start if isdir(start) else start.parent))
    for folder in (*folders, Path.cwd()):
        if exists(folder / path):
            return _root_file(folder / path)
    looked = f"in {folders[0]} and above, and in {Path.cwd()}" if folders else f"in {Path.cwd()}"
    raise ConfigurationError(f"{path}: there is no such file or folder (looked {looked})")


def _root_file(path: Path) -> Path:
    if isdir(path):
        for name in _ROOT_NAMES:
            if isfile(file := path / f"{name}.yaml"):
                return file
        raise ConfigurationError(f"{path}: the folder holds no {' or '.join(f'{name}.yaml' for name in _ROOT_NAMES)}")
    if not path.suffix and not exists(path):
        raise ConfigurationError(f"{path}: there is no such folder{suggestion(path.name, _sources_in(path.parent))}")
    if path.suffix != ".yaml":
        raise ConfigurationError(f"{path}: Hydra reads files that end in .yaml; rename it to {path.with_suffix('.yaml').name}")
    return path.absolute()


def _sources_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder that hold a configuration."""
    return sorted({root.parent.name for name in _ROOT_NAMES for root in folder.glob(f"*/{name}.yaml")})


def find_file(name: str) -> Path:
    """Return the file that a configuration names.

    A relative name is looked up in the configuration's own folders, then beside the calling file and
    upwards, there also in `conf/` and `config/`, then in the working directory.

    Raises:
        ConfigurationError: The file does not exist.
    """
    folders = current_reading().folders
    caller = calling_file()
    above = [folder / tree for folder in (_upwards(caller.parent) if caller else ()) for tree in _TREES]
    for folder in (*folders, *above, Path.cwd()):
        if isfile(path := folder / name):
            return path
    looked = ", ".join(str(folder) for folder in (*folders, *([caller.parent] if caller else []), Path.cwd()))
    raise ConfigurationError(f"there is no file {name!r} (looked in {looked}, and above the calling file)")


def tree_above(file: Path, root: Mapping[str, object]) -> list[Path]:
    """Return the folder above a file that also holds its defaults, the root of its Hydra tree, or an empty list."""
    if str(root.get("_target_", "")).startswith("airflow_config."):
        return [file.parent.parent]
    return [folder for folder in file.parent.parents if isfile(folder / "config.yaml")][:1]


@lru_cache(maxsize=32)
def _read(path: Path, stamp: Stamp) -> tuple[Any, ...]:  # noqa: ARG001 (the file's state is the cache's key)
    try:
        data = read_checked(path)
    except ConfigurationError:
        check_no_ansible(path, None)
        raise
    check_no_ansible(path, data)
    if isinstance(data, dict) and all(isinstance(value, dict | None) for value in data.values()):
        return tuple({"name": name, **(value or {})} for name, value in data.items())
    if isinstance(data, list):
        return tuple(data)
    raise ConfigurationError(f"{path}: an inventory is a list, or a mapping by name, not {repr(data)[:60]}")


def read_inventory(name: str) -> list[Any]:
    """Return the table in a YAML file as a plain list. The file is read again only after a change."""
    path = find_file(name)
    current_reading().admit(path, f"the inventory {name!r}")
    return list(_read(path, stamp_of(path)))


MAX_FILES = 2_000
"""The most YAML files of a scan."""
MAX_FOLDERS = 10_000
"""The most folders of a scan."""
MAX_NESTING = 64
"""The deepest folders of a scan below its root: `os.walk` recurses on Python 3.11."""
MAX_BYTES = 4 * 2**20
"""The largest YAML file to read: several thousand hosts."""
MAX_SECONDS = 5.0
"""The most time for walking the folders, and again for reading the files."""

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "logs"})
_SUFFIXES = (".yaml", ".yml")
Stamp = tuple[int, ...]


@dataclass(frozen=True)
class Snapshot:
    """The YAML files below some folders, with stamps to detect changes.

    Attributes:
        roots: The folders, or single files, to scan.
        folders: The stamp of each folder; it changes when a file is added or removed.
        files: The stamp of each YAML file.
        limit: The bound that ended the scan early; empty after a complete one.
    """

    roots: tuple[Path, ...]
    folders: dict[str, Stamp] = field(default_factory=dict)
    files: dict[str, Stamp] = field(default_factory=dict)
    limit: str = ""

    def still_true(self) -> bool:
        """Return whether no file was changed, added or removed since. Takes a few microseconds per file."""
        return all(stamp_of(path) == stamp for known in (self.folders, self.files) for path, stamp in known.items())


def take_snapshot(roots: Iterable[Path], *, seconds: float = MAX_SECONDS) -> Snapshot:
    """Scan the `roots` in the order of names, within the bounds of this module, each folder once."""
    snapshot = Snapshot(tuple(roots))
    deadline = time.monotonic() + seconds
    for root in snapshot.roots:
        if isfile(root):
            snapshot.files[str(root)] = stamp_of(str(root))
            continue
        for path in _yaml_files(str(root), snapshot.folders):
            snapshot.files[path] = stamp_of(path)
            if limit := _limit(snapshot, deadline):
                return replace(snapshot, limit=limit)
    return replace(snapshot, limit=_limit(snapshot, deadline))


def _limit(snapshot: Snapshot, deadline: float) -> str:
    if len(snapshot.files) >= MAX_FILES:
        return f"{MAX_FILES} YAML files"
    if len(snapshot.folders) >= MAX_FOLDERS:
        return f"{MAX_FOLDERS} folders"
    return "the time for it" if time.monotonic() > deadline else ""


def _yaml_files(root: str, folders: dict[str, Stamp]) -> Iterator[str]:
    """Yield the YAML files below a folder, and add the stamp of each folder to `folders`, even if it cannot be read.

    A missing folder has an empty stamp, which changes when the folder is created.
    """
    entered: set[str] = set()

    def note(unreadable: OSError) -> None:
        folders[unreadable.filename] = stamp_of(unreadable.filename)

    for folder, below, files in os.walk(root, followlinks=True, onerror=note):
        if len(folders) >= MAX_FOLDERS:
            return
        if (real := os.path.realpath(folder)) in entered or folder.count(os.sep) > root.count(os.sep) + MAX_NESTING:
            below.clear()
            continue
        entered.add(real)
        folders[folder] = stamp_of(folder)
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in _SKIPPED)
        paths = (os.path.join(folder, name) for name in sorted(files) if name.endswith(_SUFFIXES) and not name.startswith("."))
        # A broken link counts as a file, so that reading it reports the error.
        yield from (path for path in paths if os.path.isfile(path) or not os.path.exists(path))


def stamp_of(path: str | Path) -> Stamp:
    """Return a value that differs after a change of the file, even if size and time are equal; empty for a missing file."""
    try:
        state = os.stat(path)
    except OSError:
        return ()
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino
