"""Measures how even each strategy is, and how many picks it moves; prints the tables of docs/explanation/strategies.md.

python tools/measure_strategies.py
"""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from airflow_balancer.strategies import Bounded, Rendezvous

TRIALS = {10: 60, 100: 20, 1000: 4}
HOSTS = (3, 10, 100)
FLEETS = 200
QUARTER = 0.25
CHANGES = ("leave", "join", "resize", "request")


class Host(NamedTuple):
    """A host, as strategies see it."""

    name: str
    size: int


Assign = Callable[[Sequence[str], Sequence[Host]], Mapping[str, str]]


def rendezvous(keys: Sequence[str], hosts: Sequence[Host]) -> dict[str, str]:
    """Plain rendezvous hashing."""
    return {key: Rendezvous().choose(key, hosts, {}).name for key in keys}


def bounded(c: float) -> Assign:
    """Rendezvous hashing with bounded loads."""

    def assign(keys: Sequence[str], hosts: Sequence[Host]) -> dict[str, str]:
        return {key: host.name for (key, _), host in Bounded(c).assign({(key, ""): hosts for key in keys}).items()}

    return assign


def randomly(keys: Sequence[str], hosts: Sequence[Host]) -> dict[str, str]:
    """Another host at each parse."""
    return {key: random.choices(hosts, [host.size for host in hosts])[0].name for key in keys}


def round_robin(keys: Sequence[str], hosts: Sequence[Host]) -> dict[str, str]:
    """One request after the other, a host as often in each round as its size says."""
    slots = [host.name for turn in range(max(host.size for host in hosts)) for host in hosts if turn < host.size]
    return {key: slots[number % len(slots)] for number, key in enumerate(sorted(keys))}


STRATEGIES: dict[str, Assign] = {
    "random": randomly,
    "round robin": round_robin,
    "rendezvous": rendezvous,
    **{f"bounded c={c}": bounded(c) for c in (1.0, 1.1, 1.25, 1.5, 2.0)},
}


def imbalance(picks: Mapping[str, str], hosts: Sequence[Host]) -> float:
    """The largest load of a host, in fair shares."""
    loads, slots = Counter(picks.values()), sum(host.size for host in hosts)
    return max(loads[host.name] * slots / (host.size * len(picks)) for host in hosts)


def changed(change: str, keys: Sequence[str], hosts: Sequence[Host]) -> tuple[Sequence[str], Sequence[Host]]:
    """The requests and hosts after a change."""
    middle = len(hosts) // 2
    if change == "leave":
        return keys, [*hosts[:middle], *hosts[middle + 1 :]]
    if change == "join":
        return keys, [*hosts, Host("new", hosts[middle].size)]
    if change == "resize":
        return keys, [Host(host.name, host.size * 2) if number == middle else host for number, host in enumerate(hosts)]
    return [*keys, "dags.new.tasks.new"], hosts


def measure(assign: Assign, requests: int, hosts: Sequence[Host]) -> list[float]:
    """The mean imbalance, then for each change the mean share of picks that move, in percent."""
    rows = []
    for trial in range(TRIALS[requests]):
        keys = [f"trial{trial}.dags.d{number // 7}.tasks.t{number % 7}" for number in range(requests)]
        before = assign(keys, hosts)
        moved = []
        for change in CHANGES:
            after = assign(*changed(change, keys, hosts))
            moved.append(100 * sum(after[key] != before[key] for key in keys) / requests)
        rows.append([imbalance(before, hosts), *moved])
    return [statistics.mean(column) for column in zip(*rows, strict=True)]


def in_dag_files(c: float, sizes: Sequence[int], fleet: int) -> bool:
    """Whether ten DAG files of ten calls each, which know nothing of each other, load every host within a quarter of its share."""
    hosts, picks = [Host(f"fleet{fleet}-host{number}", size) for number, size in enumerate(sizes)], Counter[str]()
    for file in range(10):
        load = Counter[str]()
        for call in range(10):
            load[Bounded(c).choose(f"dag_{file}.py#{call}", hosts, load).name] += 1
        picks += load
    return all(abs(picks[host.name] * sum(sizes) / (100 * host.size) - 1) <= QUARTER for host in hosts)


def print_dag_files() -> None:
    """Print how often ten DAG files load five hosts evenly, for several strategies and sizes."""
    factors = {"rendezvous": 1e9, **{f"bounded c={c}": c for c in (2, 1.5, 1.25, 1.1, 1)}}
    print("\n### Ten DAG files of ten calls, five hosts\n")
    print(f"| sizes | {' | '.join(factors)} |\n| --- |{' ---: |' * len(factors)}")
    for sizes in ((8, 8, 16, 16, 32), (8, 16, 16, 32, 32), (8, 12, 16, 20, 24), (4, 8, 12, 16, 24)):
        shares = [statistics.mean(in_dag_files(c, sizes, fleet) for fleet in range(FLEETS)) for c in factors.values()]
        print(f"| {', '.join(map(str, sizes))} | " + " | ".join(f"{100 * share:.0f} %" for share in shares) + " |")


def main() -> None:
    """Print a table for each number of requests and hosts, and that of the DAG files."""
    print_dag_files()
    for requests in TRIALS:
        for count in HOSTS:
            for kind, sizes in (("equal", (8,)), ("unequal", (2, 4, 8, 16))):
                hosts = [Host(f"host{number:03d}", sizes[number % len(sizes)]) for number in range(count)]
                print(f"\n### {requests} requests, {count} hosts of {kind} sizes\n")
                print("| strategy | max / fair share | host leaves | host joins | host doubles | request added |")
                print("| --- | ---: | ---: | ---: | ---: | ---: |")
                for name, assign in STRATEGIES.items():
                    even, *moved = measure(assign, requests, hosts)
                    print(f"| {name} | {even:.2f} | " + " | ".join(f"{percent:.1f} %" for percent in moved) + " |")


if __name__ == "__main__":
    main()
