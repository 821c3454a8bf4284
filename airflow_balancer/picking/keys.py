"""The default key of a pick: the calling file and the number of the call."""

from __future__ import annotations

from os.path import basename

from ..files.caller import caller_state, calling_frame

__all__ = ("DEFAULT_KEY", "call_key")

DEFAULT_KEY = "command line"
"""The key of a query on the command line or the page that gives none."""


def call_key(kind: str) -> str:
    """Return `<file>#<n>` for the calling file's n-th pick of a kind, counted from 0."""
    frame = calling_frame()
    counts = caller_state(frame)
    counts[kind] = (number := counts.get(kind, -1) + 1)
    return f"{basename(frame.f_globals.get('__file__') or '<input>')}#{number}"
