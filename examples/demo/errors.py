"""What can go wrong in the demo, told with the end of the log that says why."""

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
    """The level, the event and the exceptions of a line that is JSON, as Airflow 3 writes task logs; other lines as they are."""
    try:
        entry = json.loads(line)
        raised = [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or ()]
        return "  ".join([f"[{entry['level']}] {entry['event']}", *raised])
    except (ValueError, KeyError, TypeError, AttributeError):
        return line
