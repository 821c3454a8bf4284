"""Prints answers as tables, JSON, YAML or Markdown, and errors."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .command import Command, Report

_WIDTH_OF_PIPES = 160


def say(text: str, program: str = "airflow-balancer") -> None:
    """Write to stderr, with the program's name before each line that is not indented."""
    sys.stderr.writelines(f"{line if line.startswith(' ') else f'{program}: {line}'}\n" for line in text.splitlines())


def print_answer(command: Command, report: Report, output: str, title: str = "") -> None:
    """Print an answer to stdout in the format `output`, and its warning to stderr. `title` names the run of a sweep."""
    if output == "markdown" and command.markdown:
        sys.stdout.write(f"# {title}\n\n{command.markdown(report)}" if title else command.markdown(report))
    elif output not in ("table", "yaml"):
        import json

        answer = report if output == "json" else report["pools"]
        sys.stdout.write(f"{json.dumps(answer, indent=2)}\n")
    elif output == "yaml" or not (command.tables or command.line):
        sys.stdout.write(_yaml(report, title))
    else:
        tables = _tables(report) if command.tables else ""
        line = f"{command.line(report)}\n" if command.line else ""
        sys.stdout.write(f"{title}\n{tables}{line}" if title else f"{tables}{line}")
        if warning := command.warning(report):
            say(warning)
    sys.stdout.flush()


def _yaml(report: Report, title: str) -> str:
    import yaml

    text = yaml.safe_dump(dict(report), sort_keys=False, allow_unicode=True)
    return f"---  # {title}\n{text}" if title else text


def _tables(report: Report) -> str:
    """Format the lists of a report as tables. Of empty lists, only that of the hosts is shown."""
    from rich.console import Console

    piped = not sys.stdout.isatty()
    console = Console(width=_WIDTH_OF_PIPES if piped else None, highlight=False)
    with console.capture() as printed:
        for name, rows in report.items():
            if isinstance(rows, list) and (rows or name == "hosts"):
                console.print(_table(name, rows))
    text = printed.get()
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines()) if piped else text


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    title = f"{name} ({len(rows)})"
    table = Table(title=title, min_width=len(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    columns = [column for column in rows[0] if any(_cell(column, row[column]) for row in rows)] if rows else ["name"]
    for column in columns:
        numeric = bool(rows) and isinstance(rows[0][column], int)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(column, row[column])) for column in columns))
    return table


def _cell(column: str, value: Any) -> str:
    if column == "load" and value is not None:
        # Five blocks are one fair share.
        return f"{value:.2f} {'█' * round(5 * value)}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
