"""What can go wrong in the demo, told with the end of the log that says why."""

from __future__ import annotations

from pathlib import Path

__all__ = ("DemoError", "end_of")


class DemoError(Exception):
    """Something that the demo started did not do what it should."""


def end_of(log: Path, lines: int = 30) -> str:
    """The last lines of a log, under its path."""
    text = log.read_text(errors="replace").splitlines() if log.exists() else ["(there is no such file)"]
    return "\n".join([f"--- the end of {log}", *text[-lines:]])
