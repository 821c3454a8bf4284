"""Computes what a fleet costs, deployment by deployment, from a benchmark's JSON; prints the tables of docs/explanation/scale.md.

make bench BENCH_ARGS="--json bench.json" && python -m tools.simulate_scale bench.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tools.bench.report import shown

HOSTS, PORTS_EACH, DAG_FILES, PICKS = 100_000, 4, 500, 5
"""The fleet: its hosts, the tracked ports of each; the DAG files of a deployment, the picks of each."""
PARSES = 2
"""Parses of a DAG file a minute: Airflow's default min_file_process_interval is 30 s."""
DEPLOYMENTS = (1, 10, 20, 100)
_MEASURED = 1_000
"""The hosts of the measured fleet that is scaled."""

Figures = Mapping[tuple[str, int], float]
BESIDE = {"published": "0.7.12", "plain": "bare models", "ours": "itself, smaller", None: ""}
"""What a row is compared with, as the table calls it."""
VERDICTS = {True: "yes", False: "**no**", None: ""}


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


def read(rows: list[dict[str, Any]]) -> Figures:
    """Return the medians of ours by case and hosts; those with the most ports, where there are several."""
    return {(row["name"], row["hosts"]): row["ours"]["median"] for row in sorted(rows, key=lambda row: row["ports"]) if row["ours"]}


def print_figures(rows: list[dict[str, Any]]) -> None:
    """Print what was measured of the largest fleets that both sides can have, and what had to be shown."""
    print("| case | hosts x ports | here | beside | | times | to show | shown |")
    print("| --- | ---: | ---: | ---: | --- | ---: | --- | --- |")
    for row in rows:
        if row["target"] or row["hosts"] == _MEASURED:
            here, beside = (shown(row[side]["median"], row["unit"]) if row[side] else "" for side in ("ours", "other"))
            times = f"{row['ratio']:.3g}" if row["ratio"] else ""
            against = BESIDE[row["against"]] if beside else ""
            size = f"{row['hosts']:,} x {row['ports']:,}"
            print(f"| {row['title']} | {size} | {here} | {beside} | {against} | {times} | {_asked(row)} | {VERDICTS[row['met']]} |")


def _asked(row: Mapping[str, Any]) -> str:
    if not (target := row["target"]):
        return ""
    if target["kind"] == "at_most":
        return f"at most {shown(target['value'], row['unit']) if target['value'] else 0}"
    return f"at least {target['value']:g} times faster" if target["kind"] == "faster" else f"at most {target['value']:g} times as much"


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
    """Print the tables."""
    rows = json.loads(Path(sys.argv[1]).read_text())["rows"]
    print_figures(rows)
    figures = read(rows)
    fleet = f"{HOSTS:,} hosts, {HOSTS * PORTS_EACH:,} ports"
    print(f"\n{fleet}; {DAG_FILES} DAG files in each deployment, {PARSES} parses a minute, {PICKS} picks each\n")
    print("| deployments | hosts each | load | a pick | parsing, cores | pools | apply | statements | memory of a load |")
    print("| ---: " * 9 + "|")
    for deployments in DEPLOYMENTS:
        each = cost(figures, deployments)
        parsing = f"{each.load:.2f} s | {each.picks * 1e3:.2f} ms | {each.a_minute / 60:.2f}"
        database = f"{each.pools:,} | {each.apply:.1f} s | {each.statements:.0f}"
        print(f"| {deployments} | {each.hosts:,} | {parsing} | {database} | {each.memory / 2**20:.0f} MiB |")


if __name__ == "__main__":
    main()
