"""Scans folders for YAML files within bounds, and detects changes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = ("MAX_BYTES", "MAX_FILES", "MAX_FOLDERS", "MAX_SECONDS", "Snapshot", "take_snapshot")

MAX_FILES = 2_000
"""The most YAML files of a scan."""
MAX_FOLDERS = 10_000
"""The most folders of a scan."""
MAX_BYTES = 4 * 2**20
"""The largest YAML file to read: several thousand hosts."""
MAX_SECONDS = 5.0
"""The longest time for walking the folders, and the longest for reading the files."""

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
        """Return whether no file was changed, added or removed since; takes a few microseconds a file."""
        return all(_stamp(path) == stamp for known in (self.folders, self.files) for path, stamp in known.items())


def take_snapshot(roots: Iterable[Path], *, seconds: float = MAX_SECONDS) -> Snapshot:
    """Scan the `roots` in the order of names, within the bounds of this module, each folder once."""
    snapshot = Snapshot(tuple(roots))
    deadline = time.monotonic() + seconds
    for root in snapshot.roots:
        if root.is_file():
            snapshot.files[str(root)] = _stamp(str(root))
            continue
        # A missing folder has an empty stamp, which changes when the folder is created.
        snapshot.folders[str(root)] = _stamp(str(root))
        for path in _yaml_files(str(root), snapshot.folders):
            snapshot.files[path] = _stamp(path)
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
    """Yield the YAML files below a folder, and add the stamp of each folder to `folders`."""
    entered: set[str] = set()
    waiting = [root]
    while waiting and len(folders) < MAX_FOLDERS:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in entered:
            continue
        entered.add(real)
        folders[folder] = _stamp(folder)
        files, below = _listing(folder)
        waiting += reversed(below)
        yield from files


def _listing(folder: str) -> tuple[list[str], list[str]]:
    try:
        with os.scandir(folder) as entries:
            shown = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError:
        return [], []
    files = [entry.path for entry in shown if entry.name.endswith(_SUFFIXES) and _is_file(entry)]
    below = [entry.path for entry in shown if entry.name not in _SKIPPED and _is_folder(entry)]
    return files, below


def _is_file(entry: os.DirEntry[str]) -> bool:
    # A broken link counts as a file, so that reading it reports the error.
    return entry.is_file() if not entry.is_symlink() else os.path.isfile(entry.path) or not os.path.exists(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # Unlike entry.is_dir, os.path.isdir does not raise for a link to itself.
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def _stamp(path: str) -> Stamp:
    try:
        state = os.stat(path)
    except OSError:
        return ()
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino
