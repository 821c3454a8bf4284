"""The page's files; no path leads to any other file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

__all__ = ("Asset", "Assets")

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


class Asset(NamedTuple):
    """A file of the page."""

    content: bytes
    type: str


class Assets:
    """The files below `static/`, by the paths that were found there when this was made."""

    def __init__(self, folder: Path = _STATIC) -> None:
        self._files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}

    def find(self, path: str) -> Asset | None:
        """Return a file by its path below `static/`, the page for an empty path, and None where there is none."""
        file = self._files.get(path or "index.html")
        return Asset(file.read_bytes(), _TYPES.get(file.suffix, "text/plain; charset=utf-8")) if file else None
