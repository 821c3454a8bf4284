"""Formats a plan as Markdown, for a comment in a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .command import Report

MOST_BYTES = 60_000
"""The longest answer; a comment on GitHub may have 65,536 characters."""
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~#&]")


def markdown(report: Report, looked_at: str, changes: str) -> str:
    """Return the plan: a heading, the counts, what moves, each host's load, and the files that were read."""
    counts = f"**{_text(changes)}**, {_text(looked_at)}" if changes else f"**{_text(looked_at)}**"
    lines = ["## airflow-balancer plan", "", counts, ""]
    if changes:
        lines += [f"From {_code(report['before'])} to {_code(report['after'])}", ""]
    moves = _requests("What moves", report["moves"], "before", "after") if changes else _requests("Picks", report["picks"], "host")
    room = MOST_BYTES - _bytes(lines)
    for title, rows in (moves, _load(report["load"]), _files(report["files"])):
        section = list(_section(title, list(rows), room))
        room -= _bytes(section)
        lines += section
    return "\n".join(lines).rstrip() + "\n"


def _requests(title: str, rows: Iterable[Mapping[str, Any]], *hosts: str) -> tuple[str, Iterator[dict[str, str]]]:
    return title, (
        {
            "requester": _code(row["requester"]),
            "DAG file": _code(row["file"]),
            "query": _code(row["query"]),
            **{host: _code(row[host]) for host in hosts},
            "why": _text(row["why"]),
        }
        for row in rows
    )


def _load(rows: Iterable[Mapping[str, Any]]) -> tuple[str, Iterator[dict[str, str]]]:
    return "Load", ({"host": _code(row["host"]), **{key: _change(row, key) for key in ("size", "picks", "fair", "load")}} for row in rows)


def _files(rows: Iterable[Mapping[str, Any]]) -> tuple[str, Iterator[dict[str, str]]]:
    return "Looked at", ({"file": _code(row["file"]), **{key: _change(row, key) for key in ("picks", "elsewhere")}} for row in rows)


def _change(row: Mapping[str, Any], key: str) -> str:
    """Return a value, or the values before and after if they differ."""
    if key in row:
        return _number(row[key])
    before, after = _number(row[f"before_{key}"]), _number(row[f"after_{key}"])
    return after if before == after else f"{before or '-'} → {after or '-'}"


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)


def _section(title: str, rows: Sequence[Mapping[str, str]], room: int) -> Iterator[str]:
    """Yield the lines of a table without empty columns, cut off after `room` bytes of rows."""
    if not rows:
        return
    columns = [column for column in rows[0] if any(row[column] for row in rows)]
    yield from (f"### {title}", "", _line(columns), _line(["---"] * len(columns)))
    for at, row in enumerate(rows):
        line = _line([row[column] for column in columns])
        room -= _bytes([line])
        if room < 0:
            yield from ("", f"and {len(rows) - at} more: see `airflow-balancer plan`")
            break
        yield line
    yield ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bytes(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _code(value: object) -> str:
    """Format a value as code, in which GitHub finds no mention, link or markup; None is empty."""
    if value is None:
        return ""
    text = " ".join(str(value).split()).replace("|", r"\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    padding = " " if "`" in text else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def _text(value: str) -> str:
    """Escape markup in a string, and break mentions after an `@`."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(value.split())).replace("@", "@\N{ZERO WIDTH NON-JOINER}")
