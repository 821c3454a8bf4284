"""Each task that is in a pool of a fleet: on which host, why, and its latest attempt."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..fleet.fleet import Fleet
from .models import TaskPlace, TaskRow
from .picks import Pick

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ..airflow.latest import Latest


class _Pool(NamedTuple):
    kind: Literal["host", "port", "queue", "own"]
    hosts: list[str]


class Reasons:
    """Why tasks are where they are, going by the picks of the tree whose key names both the DAG and the task."""

    def __init__(self, picks: Sequence[Pick]) -> None:
        self._by_part: dict[str, list[tuple[list[str], str]]] = {}
        for pick in picks:
            parts = pick.key.split(".")
            for part in set(parts):
                self._by_part.setdefault(part, []).append((parts, f"{pick.why}; candidates: {pick.query}"))

    def of(self, dag_id: str, task_id: str) -> str:
        """Return why a task is where it is; empty where no pick of the tree is its own."""
        return next((why for parts, why in self._by_part.get(task_id, ()) if dag_id in parts), "")


def read_places(
    connection: Connection, fleet: Fleet, tasks: Mapping[str, Sequence[TaskRow]], readable: Collection[str] | None
) -> list[TaskPlace]:
    """Return the tasks in a fleet's pools with their latest attempts; mapped ones that ran are expanded."""
    from ..airflow.latest import read_latest

    pools = _pools(fleet)
    wanted = {
        (row.dag_id, row.task_id): pool for pool in pools for row in tasks.get(pool, ()) if readable is None or row.dag_id in readable
    }
    latest: dict[tuple[str, str], list[Latest]] = {}
    for attempt in read_latest(connection, {dag for dag, _ in wanted}):
        latest.setdefault((attempt.dag_id, attempt.task_id), []).append(attempt)
    return [place for task, pool in sorted(wanted.items()) for place in _of_task(task, pool, latest.get(task, ()), pools)]


def _of_task(task: tuple[str, str], pool: str, attempts: Sequence[Latest], pools: Mapping[str, _Pool]) -> Iterator[TaskPlace]:
    dag_id, task_id = task
    if not attempts:
        there = pools[pool]
        none = {"state": None, "try_number": None, "path": "", "why": "", "map_index": -1}
        yield TaskPlace(dag_id=dag_id, task_id=task_id, pool=pool, kind=there.kind, hosts=there.hosts, **none)  # type: ignore[arg-type]
    for attempt in sorted(attempts, key=lambda one: one.map_index):
        # A policy may count an index in the pool of another host than the task's.
        name = attempt.pool if attempt.pool in pools else pool
        there, own = pools[name], attempt._asdict()
        more = {key: own[key] for key in ("dag_id", "task_id", "map_index", "state", "try_number")}
        yield TaskPlace(**more, pool=name, kind=there.kind, hosts=there.hosts, path=attempt.path, why="")


def _pools(fleet: Fleet) -> dict[str, _Pool]:
    """Return what each pool of a fleet stands for."""
    found = {pool.name: _Pool("own", []) for pool in fleet.pools}
    for pool in fleet.queue_pools:
        queue = pool.name.removeprefix("queue-")
        found[pool.name] = _Pool("queue", [host.name for host in fleet.hosts if queue in host.queues])
    found |= {port.pool: _Pool("port", [port.host]) for port in fleet.ports}
    of_hosts: dict[str, _Pool] = {}
    for host in fleet.hosts:
        of_hosts.setdefault(host.pool_name, _Pool("host", [])).hosts.append(host.name)
    return found | of_hosts
