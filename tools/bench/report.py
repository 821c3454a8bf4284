"""Medians, ratios and verdicts; the table and the JSON."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from .model import Measurement, Row, Target, Unit
from .runner import Results

__all__ = ("Line", "as_data", "lines", "print_table", "shown", "verdict")

_SCALES: dict[Unit, tuple[tuple[float, str], ...]] = {
    "s": ((1, "s"), (1e-3, "ms"), (1e-6, "us")),
    "bytes": ((2**20, "MiB"), (2**10, "KiB"), (1, "B")),
    "statements": ((1, ""),),
}


class Line(NamedTuple):
    """A row with its figures: the medians, how many times as much the other side takes, and whether the target is met."""

    row: Row
    ours: Sequence[float]
    other: Sequence[float]
    note: str

    @property
    def ratio(self) -> float | None:
        """The other side's median over ours; None without both."""
        if not self.ours or not self.other:
            return None
        return statistics.median(self.other) / statistics.median(self.ours)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target, False without figures."""
        return verdict(self.row.target, statistics.median(self.ours) if self.ours else None, self.ratio)


def verdict(target: Target | None, ours: float | None, ratio: float | None) -> bool | None:
    """Return whether figures meet a target: our median, and the other side's over it."""
    if target is None:
        return None
    if target.kind == "at_most":
        return ours is not None and ours <= target.value
    if ratio is None:
        return False
    return ratio >= target.value if target.kind == "faster" else ratio * target.value >= 1


def lines(rows: Iterable[Row], results: Results) -> list[Line]:
    """Return the rows with their figures, and a note where some are missing."""
    return [_line(row, results) for row in rows]


def _line(row: Row, results: Results) -> Line:
    def samples(item: Measurement | None) -> list[float]:
        return results.samples.get(item, []) if item else []

    reasons = [f"{item.side}: {results.failures[item]}" for item in (row.ours, row.other) if item and item in results.failures]
    left_out = row.case.left_out.get(row.size)
    return Line(row, samples(row.ours), samples(row.other), "; ".join([*reasons, *([left_out] if left_out else [])]))


def shown(value: float, unit: Unit) -> str:
    """Return a figure with its unit.

    >>> shown(0.0123, "s")
    '12.3 ms'
    """
    factor, name = next((scale for scale in _SCALES[unit] if value >= scale[0]), _SCALES[unit][-1])
    return f"{value / factor:.3g} {name}".strip()


def _target(target: Target | None, unit: Unit) -> str:
    if target is None:
        return ""
    if target.kind == "at_most":
        return f"at most {shown(target.value, unit)}"
    return f"{target.value:g} times faster" if target.kind == "faster" else f"within {target.value:g} times"


def _times(ratio: float | None, target: Target | None) -> str:
    if ratio is None:
        return ""
    return f"{1 / ratio:.2f}" if target and target.kind == "within" else f"{ratio:.3g}"


def _spread(samples: Sequence[float], unit: Unit) -> str:
    return shown(statistics.median(samples), unit) if samples else "-"


def print_table(found: Sequence[Line], console: Console) -> None:
    """Print the table; `times` is the other side's median over ours, where the target says `within` ours over the other's."""
    table = Table("case", "hosts x ports", "ours", "other", "", "times", "target", "met")
    for line in found:
        case, target = line.row.case, line.row.target
        side = case.other[0] if case.other else ""
        met = {True: "yes", False: "NO", None: ""}[line.met]
        figures = (_spread(line.ours, case.unit), _spread(line.other, case.unit) if side else "", side)
        table.add_row(case.title, str(line.row.size), *figures, _times(line.ratio, target), _target(target, case.unit), met)
    console.print(table)
    for line in found:
        if line.note:
            console.print(f"{line.row.case.title}, {line.row.size}: {line.note}", highlight=False, markup=False)


def _figures(samples: Sequence[float]) -> dict[str, Any] | None:
    if not samples:
        return None
    return {"median": statistics.median(samples), "min": min(samples), "max": max(samples), "samples": list(samples)}


def as_data(found: Iterable[Line]) -> dict[str, Any]:
    """Return the machine, and every row with all its samples, as plain data."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "rows": [
            {
                "name": line.row.case.name,
                "title": line.row.case.title,
                "hosts": line.row.size.hosts,
                "ports": line.row.size.ports,
                "unit": line.row.case.unit,
                "against": line.row.case.other[0] if line.row.case.other else None,
                "ours": _figures(line.ours),
                "other": _figures(line.other),
                "ratio": line.ratio,
                "target": line.row.target and {"kind": line.row.target.kind, "value": line.row.target.value},
                "met": line.met,
                "note": line.note,
            }
            for line in found
        ],
    }
