"""The key of a pick that gives none: which file asks, and for which time."""

from __future__ import annotations

import sys
from os.path import basename
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ("call_key", "caller_state", "calling_file", "calling_frame")

_LIBRARIES = frozenset(
    ("airflow_balancer", "airflow_config", "airflow_pydantic", "airflow_supervisor", "antlr4", "hydra", "omegaconf", "pydantic")
)
_STATE = "__airflow_balancer_state__"


def calling_frame() -> FrameType:
    """Return the nearest frame that runs neither this package nor those that call it on a file's behalf."""
    frame = sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__", "")).partition(".")[0] in _LIBRARIES:
        frame = frame.f_back
    return frame


def calling_file(frame: FrameType) -> Path | None:
    """Return the file that the frame runs; None for code that comes from no file."""
    file = frame.f_globals.get("__file__")
    return Path(file) if file else None


def caller_state(frame: FrameType) -> dict[Any, Any]:
    """Return what is remembered for the module that a frame runs; it begins anew whenever the file is parsed."""
    state: dict[Any, Any] = frame.f_globals.setdefault(_STATE, {})
    return state


def call_key(kind: str) -> str:
    """Return `<file>#<n>` for the calling file's n-th pick of a kind, counted from 0.

    The count stands in the module's own namespace, so it starts again whenever the file is parsed.
    """
    frame = calling_frame()
    counts = caller_state(frame)
    counts[kind] = (number := counts.get(kind, -1) + 1)
    return f"{basename(frame.f_globals.get('__file__') or '<input>')}#{number}"
