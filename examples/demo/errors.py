"""The demo's error, and the end of a log that shows its cause."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ("DemoError", "end_of")


class DemoError(Exception):
    """Something that the demo started did not do what it should."""


def end_of(log: Path, lines: int = 30) -> str:
    """The last lines of a log, under its path."""
    text = log.read_text(errors="replace").splitlines() if log.exists() else ["(there is no such file)"]
    return "\n".join([f"--- the end of {log}", *map(_readable, text[-lines:])])


def _readable(line: str) -> str:
    """The level, event and exceptions of a JSON line, as in Airflow 3's task logs; other lines unchanged."""
    try:
        entry = json.loads(line)
        raised = [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or ()]
        return "  ".join([f"[{entry['level']}] {entry['event']}", *raised])
    except (ValueError, KeyError, TypeError, AttributeError):
        return line
