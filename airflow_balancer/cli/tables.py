"""Prints the commands' answers: as tables, JSON or YAML."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ("OUTPUTS", "print_report")

OUTPUTS = ("table", "json", "yaml")
_WITH_TABLES = ("show", "plan", "pools", "port lock")
_WIDTH_OF_PIPES = 160


def print_report(command: str, report: Mapping[str, Any], output: str, title: str = "") -> None:
    """Print a command's answer to stdout.

    Args:
        command: The command that answered.
        report: Its answer, as plain data.
        output: One of `OUTPUTS`.
        title: What tells several answers apart, such as the overrides of one job of a multirun.
    """
    if output == "json":
        print(json.dumps(report, indent=2))  # noqa: T201
    elif output == "yaml" or command in ("config", "whole"):
        print(_yaml(report, title), end="")  # noqa: T201
    else:
        _print_tables(command, report, title)


def _yaml(report: Mapping[str, Any], title: str) -> str:
    import yaml

    text = yaml.safe_dump(dict(report), sort_keys=False, allow_unicode=True)
    return f"---  # {title}\n{text}" if title else text


def _bar(load: float) -> str:
    """Return a load in fair shares as a number and a bar; one share is five blocks."""
    return f"{load:.2f} {'█' * round(5 * load)}"


def _cell(column: str, value: Any) -> str:
    if column == "load" and value is not None:
        return _bar(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _line(command: str, report: Mapping[str, Any]) -> str:
    """Return the answer of a command that has one line."""
    if command == "select":
        return str(report["host"])
    if command == "port":
        return f"{report['host']}:{report['port']}"
    if command == "port lock":
        return f"{report['file']}: {len(report['added'])} added, {len(report['dropped'])} dropped, {report['kept']} kept"
    if command == "validate":
        return "valid: " + ", ".join(f"{value} {key}" for key, value in report.items() if key != "file")
    if command == "plan":
        moving = len(report.get("moves", ()))
        return f"{len(report['picks'])} picks" + (f", {moving} of them would be another" if "moves" in report else "")
    changes = len(report["pools"]) + len(report["connections"])
    state = "differ; apply=true writes the above" if report["differs"] else "applied" if report["applied"] else "as configured"
    return f"{report['unchanged']} unchanged, {changes} above: {state}" if changes else f"{report['unchanged']} unchanged: as configured"


def _print_tables(command: str, report: Mapping[str, Any], title: str) -> None:
    from rich.console import Console
    from rich.text import Text

    piped = not sys.stdout.isatty()
    console = Console(width=_WIDTH_OF_PIPES if piped else None, highlight=False)
    tables = {name: rows for name, rows in report.items() if isinstance(rows, list)} if command in _WITH_TABLES else {}
    with console.capture() as printed:
        if title:
            console.print(Text(title, style="bold"))
        for name, rows in tables.items():
            if rows or name == "hosts":
                console.print(_table(name, rows))
        if command != "show":
            console.print(Text(_line(command, report)), soft_wrap=True)
    text = printed.get()
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in text.splitlines()) if piped else text)


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{name} ({len(rows)})", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    columns = [column for column in rows[0] if any(_cell(column, row[column]) for row in rows)] if rows else ["name"]
    for column in columns:
        numeric = bool(rows) and isinstance(rows[0][column], int)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(column, row[column])) for column in columns))
    return table
