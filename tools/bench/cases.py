"""What is measured: the cases, their sizes and their targets, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .model import Case, Row, Side, Size, Target, Unit

__all__ = ("CASES", "FRESH", "POSTGRESQL", "PROCESSES", "QUICK_HOSTS", "rows")

THREE, TEN, SMALL, BARE = Size(3, 0), Size(10, 0), Size(100, 400), Size(1_000, 0)
MIDDLE, LARGE, CROWD = Size(1_000, 4_000), Size(10_000, 40_000), Size(100, 2_000)
QUICK_HOSTS = 100
"""The largest fleets of a quick run."""
POSTGRESQL = "@postgresql"
"""Ends the name of a job that runs on PostgreSQL, not on SQLite."""
FRESH = ("start.", "memory.", "process.")
"""How the names of jobs begin that have a process to themselves; others of one size share one."""

_PICK = (
    "from airflow_balancer import BalancerConfiguration as B; import sys; print(B.load_path(sys.argv[1]).select_host(queue='workers').name)"
)
PROCESSES: Mapping[str, tuple[str, ...]] = {
    "process.cli": ("-c", "from airflow_balancer.cli import main; main()", "select", "{file}", "query.queue=workers"),
    "process.python": ("-c", _PICK, "{file}"),
}
"""The whole processes that are measured, as arguments of Python."""


def rows(names: tuple[str, ...] = (), *, quick: bool = False) -> Iterator[Row]:
    """Yield the rows of the cases with these names, or of all; in a quick run, those with small fleets."""
    for case in CASES:
        if names and case.name not in names:
            continue
        for size in case.sizes:
            if not quick or size.hosts <= QUICK_HOSTS:
                yield Row(case, size)


def _published(job: str) -> tuple[Side, str]:
    return "published", job


def _faster(times: float, size: Size = MIDDLE) -> dict[Size, Target]:
    return {size: Target("faster", times)}


def _within(times: float, size: Size = MIDDLE) -> dict[Size, Target]:
    return {size: Target("within", times)}


def _at_most(value: float, size: Size = MIDDLE) -> dict[Size, Target]:
    return {size: Target("at_most", value)}


_SIZES = (TEN, SMALL, BARE, MIDDLE, LARGE)
_QUADRATIC = {LARGE: "0.7.12 sorts all hosts once for each port: hours"}
_MINUTES = {LARGE: "0.7.12 takes hours to make the objects"}


def _pools(name: str, title: str, job: str, unit: Unit, target: float | None = None) -> tuple[Case, Case]:
    targets = _at_most(target) if target else {}
    title = title if unit == "s" else f"{title}, {unit}"
    sizes = (SMALL, MIDDLE)
    return (
        Case(f"{name}-sqlite", f"{title}, SQLite", job, sizes, None, unit, targets),
        Case(f"{name}-postgresql", f"{title}, PostgreSQL", f"{job}{POSTGRESQL}", sizes, None, unit, targets if unit != "s" else {}),
    )


CASES: tuple[Case, ...] = (
    Case("start-cli", "fresh process to a pick, CLI", "process.cli", (THREE,), _published("process.python"), targets=_faster(6, THREE)),
    Case(
        "start-python",
        "fresh process to a pick, Python",
        "process.python",
        (THREE,),
        _published("process.python"),
        targets=_faster(1, THREE),
    ),
    Case("import", "import airflow_balancer", "start.import_package", (THREE,), _published("start.import_package")),
    Case("load-after-sdk", "load, Airflow's SDK loaded", "start.load_after_sdk", (THREE,), _published("start.load_after_sdk")),
    Case(
        "load-after-both",
        "load, SDK and airflow-pydantic loaded",
        "start.load_after_both",
        (THREE,),
        _published("start.load_after_both"),
        targets=_faster(4, THREE),
    ),
    Case(
        "yaml-plain",
        "plain YAML to objects",
        "objects.plain_yaml",
        _SIZES,
        _published("objects.plain_yaml"),
        targets=_faster(4),
        left_out=_QUADRATIC,
    ),
    Case(
        "yaml-inventory",
        "YAML with inventories to objects",
        "objects.inventory",
        _SIZES,
        _published("objects.plain_yaml"),
        targets=_faster(20),
        left_out=_QUADRATIC,
    ),
    Case("yaml-tree", "Hydra tree to objects", "objects.tree", (TEN, SMALL, MIDDLE), _published("objects.tree")),
    Case(
        "yaml-airflow-config",
        "airflow-config tree to objects",
        "objects.airflow_config",
        (TEN, SMALL, MIDDLE),
        _published("objects.airflow_config"),
    ),
    Case(
        "objects", "data to objects", "objects.from_data", _SIZES, _published("objects.from_data"), targets=_faster(60), left_out=_QUADRATIC
    ),
    Case(
        "objects-plain",
        "data to objects, beside bare models",
        "objects.from_data",
        _SIZES,
        ("plain", "objects.plain_from_data"),
        targets=_within(3),
    ),
    Case(
        "objects-growth",
        f"data to objects, beside {MIDDLE}",
        "objects.from_data",
        (LARGE,),
        ("ours", "objects.from_data"),
        targets=_within(12, LARGE),
        other_size=MIDDLE,
    ),
    Case(
        "select-first",
        "select_host, a new query",
        "picks.select_first",
        _SIZES,
        _published("picks.select_first"),
        targets=_faster(20),
        left_out=_MINUTES,
    ),
    Case(
        "select-repeated",
        "select_host, again",
        "picks.select_repeated",
        _SIZES,
        _published("picks.select_repeated"),
        targets=_faster(100),
        left_out=_MINUTES,
    ),
    Case(
        "filter",
        "filter_hosts with patterns",
        "picks.filter_hosts",
        _SIZES,
        _published("picks.filter_hosts"),
        left_out=_MINUTES,
    ),
    Case(
        "port-empty",
        "free_port, empty range",
        "picks.free_port_empty",
        (CROWD, MIDDLE),
        _published("picks.free_port_empty"),
        targets=_faster(500),
    ),
    Case(
        "port-half",
        "free_port, half-full range",
        "picks.free_port_half",
        (CROWD, MIDDLE),
        _published("picks.free_port_half"),
        targets=_faster(500),
    ),
    Case(
        "port-full",
        "free_port, nearly full range",
        "picks.free_port_full",
        (CROWD, MIDDLE),
        _published("picks.free_port_full"),
        targets=_faster(500),
    ),
    Case(
        "port-fullness",
        "free_port, nearly full beside empty",
        "picks.free_port_full",
        (CROWD, MIDDLE),
        ("ours", "picks.free_port_empty"),
        targets=_within(1.5),
    ),
    Case("resolvers", "1,000 requests of a composed config", "picks.resolve", (TEN, SMALL, BARE)),
    *_pools("pool-plan", "pool plan", "pools.plan_seconds", "s"),
    *_pools("pool-apply", "pool apply", "pools.apply_seconds", "s", 2.0),
    *_pools("pool-apply-statements", "pool apply", "pools.apply_statements", "statements", 12),
    *_pools("pool-unchanged", "pool apply, nothing changed", "pools.unchanged_seconds", "s"),
    *_pools("pool-unchanged-statements", "pool apply, nothing changed", "pools.unchanged_statements", "statements"),
    Case("listener", "listener, unchanged", "pools.listener_seconds", (SMALL, MIDDLE), targets=_at_most(0.001)),
    Case(
        "listener-statements",
        "listener, unchanged, statements",
        "pools.listener_statements",
        (SMALL, MIDDLE),
        None,
        "statements",
        _at_most(0),
    ),
    Case(
        "listener-wide", "listener, unchanged, 200 YAML files more", "pools.listener_wide_seconds", (SMALL, MIDDLE), targets=_at_most(0.001)
    ),
    Case(
        "memory-peak",
        "peak RSS with the objects",
        "memory.peak",
        (THREE, SMALL, MIDDLE, LARGE),
        _published("memory.peak"),
        "bytes",
        left_out=_MINUTES,
    ),
    Case("memory", "memory per host", "memory.per_host", (SMALL, MIDDLE), _published("memory.per_host"), "bytes"),
    Case(
        "memory-plain",
        "memory per host, beside bare models",
        "memory.per_host",
        (SMALL, MIDDLE, LARGE),
        ("plain", "memory.plain_per_host"),
        "bytes",
        _within(2),
    ),
)
