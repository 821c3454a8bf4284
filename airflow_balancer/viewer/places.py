"""The tasks in a fleet's pools: their hosts, and their latest attempts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..fleet.fleet import Fleet
from .models.airflow import TaskPlace

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ..airflow.attempts import Latest
    from ..airflow.serialized import SerializedTask


class Pool(NamedTuple):
    """What a pool counts, and the hosts that it stands for."""

    kind: Literal["host", "port", "queue", "own"]
    hosts: list[str]


def read_places(connection: Connection, fleet: Fleet, dags: Mapping[str, Sequence[SerializedTask]]) -> list[TaskPlace]:
    """Return the tasks in a fleet's pools with their latest attempts, with a row for each index of a mapped task that ran."""
    from ..airflow.attempts import read_latest

    pools = pools_of(fleet)
    wanted = {(dag_id, task.task_id): task.pool for dag_id, tasks in dags.items() for task in tasks if task.pool in pools}
    latest: dict[tuple[str, str], list[Latest]] = {}
    for attempt in read_latest(connection, {dag for dag, _ in wanted}):
        latest.setdefault((attempt.dag_id, attempt.task_id), []).append(attempt)
    return [place for task, pool in sorted(wanted.items()) for place in _of_task(task, pool, latest.get(task, ()), pools)]


def _of_task(task: tuple[str, str], pool: str, attempts: Sequence[Latest], pools: Mapping[str, Pool]) -> Iterator[TaskPlace]:
    dag_id, task_id = task
    ordered: list[Latest | None] = [*sorted(attempts, key=lambda one: one.map_index)]
    for attempt in ordered or [None]:
        # A policy may count an index in another host's pool than the task's.
        name = attempt.pool if attempt and attempt.pool in pools else pool
        yield TaskPlace(
            dag_id=dag_id,
            task_id=task_id,
            map_index=attempt.map_index if attempt else -1,
            pool=name,
            kind=pools[name].kind,
            hosts=pools[name].hosts,
            state=attempt and attempt.state,
            try_number=attempt and attempt.try_number,
            path=attempt.path if attempt else "",
            why="",
        )


def pools_of(fleet: Fleet) -> dict[str, Pool]:
    """Return what each pool of a fleet stands for."""
    found = {pool.name: Pool("own", []) for pool in fleet.pools}
    for pool in fleet.queue_pools:
        queue = pool.name.removeprefix("queue-")
        found[pool.name] = Pool("queue", [host.name for host in fleet.hosts if queue in host.queues])
    found |= {port.pool: Pool("port", [port.host]) for port in fleet.ports}
    of_hosts: dict[str, Pool] = {}
    for host in fleet.hosts:
        of_hosts.setdefault(host.pool_name, Pool("host", [])).hosts.append(host.name)
    return found | of_hosts
