"""Computes what a fleet costs, deployment by deployment, from a benchmark's JSON; prints the tables of docs/scale.md.

make bench BENCH_ARGS="--json bench.json" && python tools/simulate_scale.py bench.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

HOSTS, PORTS_EACH, DAG_FILES, PICKS = 100_000, 4, 500, 5
"""The fleet: its hosts, the tracked ports of each; the DAG files of a deployment, the picks of each."""
PARSES = 2
"""Parses of a DAG file a minute: Airflow's default min_file_process_interval is 30 s."""
DEPLOYMENTS = (1, 10, 20, 100)
_MEASURED = 1_000
"""The hosts of the measured fleet that is scaled."""

Figures = Mapping[tuple[str, int], float]


class Cost(NamedTuple):
    """What one deployment pays."""

    hosts: int
    load: float
    picks: float
    pools: int
    apply: float
    statements: float
    memory: float

    @property
    def a_minute(self) -> float:
        """Seconds of one core a minute for loading and picking, all DAG files loading the whole fleet."""
        return DAG_FILES * PARSES * (self.load + PICKS * self.picks)


def read(path: Path) -> Figures:
    """Return the medians of ours by case and hosts; those with the most ports, where there are several."""
    rows = sorted(json.loads(path.read_text())["rows"], key=lambda row: row["ports"])
    return {(row["name"], row["hosts"]): row["ours"]["median"] for row in rows if row["ours"]}


def between(figures: Figures, case: str, hosts: int) -> float:
    """Return a case's figure at so many hosts: in proportion to that of the nearest fleet measured."""
    measured = min((size for name, size in figures if name == case), key=lambda size: abs(size - hosts))
    return figures[case, measured] * hosts / measured


def cost(figures: Figures, deployments: int) -> Cost:
    """Return what each of so many deployments pays."""
    hosts = HOSTS // deployments
    pools = hosts * (1 + PORTS_EACH)
    chunks = -(-pools // 2_500)
    more = chunks - -(-_MEASURED * (1 + PORTS_EACH) // 2_500)
    return Cost(
        hosts,
        between(figures, "yaml-inventory", hosts),
        between(figures, "select-first", hosts),
        pools,
        between(figures, "pool-apply-sqlite", hosts),
        figures["pool-apply-statements-sqlite", _MEASURED] + more,
        hosts * figures["memory-plain", _MEASURED],
    )


def main() -> None:
    """Print the table."""
    figures = read(Path(sys.argv[1]))
    fleet = f"{HOSTS:,} hosts, {HOSTS * PORTS_EACH:,} ports"
    print(f"{fleet}; {DAG_FILES} DAG files in each deployment, {PARSES} parses a minute, {PICKS} picks each\n")
    print("| deployments | hosts each | load | a pick | parsing, cores | pools | apply | statements | memory of a load |")
    print("| ---: " * 9 + "|")
    for deployments in DEPLOYMENTS:
        each = cost(figures, deployments)
        parsing = f"{each.load:.2f} s | {each.picks * 1e3:.2f} ms | {each.a_minute / 60:.2f}"
        database = f"{each.pools:,} | {each.apply:.1f} s | {each.statements:.0f}"
        print(f"| {deployments} | {each.hosts:,} | {parsing} | {database} | {each.memory / 2**20:.0f} MiB |")


if __name__ == "__main__":
    main()
