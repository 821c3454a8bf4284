"""`python -m tools.bench`: see `--help`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from tests.airflow.databases import postgres_cluster, postgres_programs

from .cases import CASES, POSTGRESQL, rows
from .report import as_data, lines, print_table
from .runner import Effort, Sides, run

_FULL = Effort(rounds=3, repeats=20, seconds=3, limit=900)
_QUICK = Effort(rounds=3, repeats=5, seconds=0.5, limit=120)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description="Measures this package beside the published one.")
    parser.add_argument("cases", nargs="*", help=f"default: all of {', '.join(case.name for case in CASES)}")
    parser.add_argument("--quick", action="store_true", help="small fleets, few samples: some minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    parser.add_argument("--ours", default=sys.executable, metavar="PYTHON", help="the Python of this package's virtualenv")
    parser.add_argument("--published", default=".venv-published/bin/python", metavar="PYTHON", help="that of the published package's")
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - {case.name for case in CASES}:
        parser.error(f"there is no case {', '.join(sorted(unknown))}")
    return arguments


@contextmanager
def _postgresql(*, wanted: bool) -> Iterator[str]:
    """Give the URL of an empty database in a cluster of its own; empty where PostgreSQL is not installed."""
    programs = postgres_programs() if wanted else None
    if programs is None:
        yield ""
        return
    with postgres_cluster(programs) as url:
        yield f"{url}postgres"


def main() -> None:
    """Measure, print the table, write the JSON."""
    arguments = _arguments()
    chosen = list(rows(tuple(arguments.cases), quick=arguments.quick))
    measurements = [item for row in chosen for item in (row.ours, row.other) if item]
    # Not resolved: a virtualenv's Python is a link, and leads elsewhere.
    sides = Sides(*(str(Path(python).absolute()) for python in (arguments.ours, arguments.published)))
    errors = Console(stderr=True, highlight=False)
    with _postgresql(wanted=any(POSTGRESQL in item.job for item in measurements)) as database:
        effort = _QUICK if arguments.quick else _FULL
        results = run(measurements, sides, effort, database, lambda text: errors.print(text, markup=False))
    found = lines(chosen, results)
    print_table(found, Console(width=None if sys.stdout.isatty() else 160))
    if arguments.json:
        arguments.json.write_text(json.dumps(as_data(found), indent=1) + "\n")


if __name__ == "__main__":
    main()
