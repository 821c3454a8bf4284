"""Finds the file that calls this package, such as a DAG file."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ("caller_state", "calling_file", "calling_frame")

_LIBRARIES = frozenset(
    ("airflow_balancer", "airflow_config", "airflow_pydantic", "airflow_supervisor", "antlr4", "hydra", "omegaconf", "pydantic")
)
_STATE = "__airflow_balancer_state__"


def calling_frame() -> FrameType:
    """Return the nearest frame outside this package and the libraries that call it for a file."""
    frame = sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__", "")).partition(".")[0] in _LIBRARIES:
        frame = frame.f_back
    return frame


def calling_file(frame: FrameType) -> Path | None:
    """Return the file that a frame runs, or None for code that comes from no file."""
    file = frame.f_globals.get("__file__")
    return Path(file) if file else None


def caller_state(frame: FrameType) -> dict[Any, Any]:
    """Return the state kept in the module that a frame runs; each parse of the file starts with an empty one."""
    state: dict[Any, Any] = frame.f_globals.setdefault(_STATE, {})
    return state
