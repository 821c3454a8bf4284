"""Which tasks are in which host's pool, read from the serialized DAGs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..airflow import versions
from ..errors import UnavailableError
from ..fleet.pools import DEFAULT_POOL
from .catalogue import Catalogue
from .models import AssignmentsAnswer, ConfigurationQuery, HostTasks, QueueTasks, TaskRow

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


PoolTasks = dict[str, list[TaskRow]]
_CHUNK = 200
_read: dict[tuple[str, str], list[tuple[str, str]]] = {}
_lock = Lock()


def assignments(catalogue: Catalogue, query: ConfigurationQuery, readable: Collection[str] | None = None) -> AssignmentsAnswer:
    """Return the tasks in each host's pool; where there is no metadata database, why.

    They are those of the Airflow that the page is in, whose login decides which DAGs are `readable`; None for all.
    """
    opened = catalogue.open(query.configuration, query.environment)
    fleet = opened.fleet
    if not versions.has_airflow():
        return AssignmentsAnswer(available=False, why="Airflow is not installed here; open the page within Airflow to see its tasks")
    from ..airflow.database import read_connection

    try:
        with read_connection() as connection, _lock:
            pools = read_tasks(connection)
    except UnavailableError as error:
        return AssignmentsAnswer(available=False, why=str(error))

    def tasks(pool: str) -> list[TaskRow]:
        return [task for task in pools.get(pool, []) if readable is None or task.dag_id in readable]

    drains = opened.masked([host.drain for host in fleet.hosts])
    hosts = [
        HostTasks(host=host.name, pool=host.pool_name, slots=host.pool_values["slots"], tasks=tasks(host.pool_name), drain=drain)
        for host, drain in zip(fleet.hosts, drains, strict=True)
    ]
    queues = [QueueTasks(pool=pool.name, slots=pool.slots, tasks=tasks(pool.name)) for pool in fleet.queue_pools]
    return AssignmentsAnswer(available=True, hosts=hosts, queues=queues)


def read_tasks(connection: Connection) -> PoolTasks:
    """Return the tasks of all DAGs that are there now by their pools, without the default one; unchanged DAGs are not read again."""
    latest = _latest(connection)
    for key in _read.keys() - latest.items():
        _read.pop(key, None)
    missing = sorted(latest.items() - _read.keys())
    for start in range(0, len(missing), _CHUNK):
        _read.update(_parsed(connection, missing[start : start + _CHUNK]))
    pools: PoolTasks = {}
    for (dag_id, _), tasks in sorted(_read.items()):
        for task_id, pool in tasks:
            pools.setdefault(pool, []).append(TaskRow(dag_id=dag_id, task_id=task_id))
    return pools


def _latest(connection: Connection) -> dict[str, str]:
    """Return the hash of each DAG's newest serialized form."""
    from airflow.models.dag import DagModel
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import select

    dags, rows = DagModel.__table__.c, SerializedDagModel.__table__.c
    there = ~dags.is_stale if "is_stale" in dags else dags.is_active
    when = rows.created_at if "created_at" in rows else rows.last_updated
    query = select(rows.dag_id, rows.dag_hash).join(DagModel.__table__, dags.dag_id == rows.dag_id).where(there).order_by(when)
    return {str(dag_id): str(dag_hash) for dag_id, dag_hash in connection.execute(query)}


def _parsed(connection: Connection, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    import json
    import zlib

    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import select

    rows = SerializedDagModel.__table__.c
    ids, hashes = zip(*wanted, strict=True)
    query = select(rows.dag_id, rows.dag_hash, rows.data, rows.data_compressed).where(rows.dag_id.in_(ids), rows.dag_hash.in_(hashes))
    found = {}
    for dag_id, dag_hash, data, compressed in connection.execute(query):
        plain = json.loads(zlib.decompress(compressed)) if compressed else json.loads(data) if isinstance(data, str | bytes) else data
        found[(dag_id, dag_hash)] = list(tasks_in_pools(plain))
    return {key: found.get(key, []) for key in wanted}


def tasks_in_pools(serialized: Any) -> Iterable[tuple[str, str]]:
    """Yield the id and the pool of each task of a serialized DAG that is in another pool than the default one."""
    tasks = _inside(_inside(_inside(serialized).get("dag")).get("tasks"))
    for item in tasks if isinstance(tasks, list) else ():
        task = _inside(item)
        pool = task.get("pool") or _inside(_inside(task.get("partial_kwargs")).get("pool"))
        if isinstance(pool, str) and pool != DEFAULT_POOL and task.get("task_id"):
            yield str(task["task_id"]), pool


def _inside(value: Any) -> Any:
    """Return what Airflow's serialization wraps; an empty mapping for nothing."""
    wrapped = value["__var"] if isinstance(value, Mapping) and "__var" in value else value
    return {} if wrapped is None else wrapped
