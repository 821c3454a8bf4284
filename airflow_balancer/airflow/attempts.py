"""Attempts in Airflow's database: those of the last day in each pool, and the latest of each task; its own indexes serve the queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode
from uuid import UUID

from .versions import ELSEWHERE, table_of

if TYPE_CHECKING:
    from sqlalchemy import Select, Table
    from sqlalchemy.engine import Connection

DAY = timedelta(days=1)
_POOLS, _DAGS = 500, 200
"""The most pools, and the most DAGs, that one query names."""
_HISTORY = 50_000
"""The most rows read of Airflow 2's history of attempts, the newest first: it has no index by time."""
_LATEST = 20_000
"""The most latest attempts that are read."""
_NOT_BEGUN = ("scheduled", "queued", "up_for_retry")
"""States of a task whose last attempt, if it had one, is in the history."""
_MOMENTS = ("start_date", "end_date", "queued_dttm", "scheduled_dttm")
"""The last one is missing in some versions of Airflow."""


class Attempt(NamedTuple):
    """An attempt of a task.

    Attributes:
        pool: Its pool.
        state: Its state.
        start: When it began, in UTC; naive if the database's driver returns naive times.
        end: When it ended, likewise; None while it runs.
        wait: The seconds it waited for a slot; None if Airflow does not record them.
        unreachable: Whether it failed because its host was unreachable; None if Airflow does not record it.
    """

    pool: str
    state: str | None
    start: datetime
    end: datetime | None
    wait: float | None
    unreachable: bool | None

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return self.state in ("failed", "up_for_retry")


class Latest(NamedTuple):
    """The latest attempt of a task, or of one index of a mapped task; `map_index` is -1 for an unmapped one."""

    dag_id: str
    task_id: str
    map_index: int
    run_id: str
    pool: str
    state: str | None
    try_number: int

    @property
    def path(self) -> str:
        """The address of its page, relative to Airflow's own."""
        page, index = _page(self.dag_id, self.run_id, self.task_id)
        return page + (index.format(self.map_index) if self.map_index >= 0 else "")


@lru_cache(maxsize=1_000)
def _page(dag_id: str, run_id: str, task_id: str) -> tuple[str, str]:
    """Return the page of a task, and the suffix that selects one of its indices, of which there may be thousands."""
    from airflow import __version__

    dag, run, task = (quote(part, safe="") for part in (dag_id, run_id, task_id))
    if __version__.startswith("2."):
        return f"dags/{dag}/grid?{urlencode({'dag_run_id': run_id, 'task_id': task_id})}", "&map_index={}"
    return f"dags/{dag}/runs/{run}/tasks/{task}", "/mapped/{}"


def read_attempts(connection: Connection, pools: Iterable[str], since: datetime) -> list[Attempt]:
    """Return the attempts in some pools that began at or after a time."""
    return [_attempt(row) for query in statements(sorted(pools), since) for row in connection.execute(query).all()]


def statements(pools: Sequence[str], since: datetime) -> Iterator[Select[Any]]:
    """Yield the queries: Airflow 3 finds attempts by the time in their ids, Airflow 2 by its index of pools."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from sqlalchemy import func, select

    tasks, history = table_of(TaskInstance), table_of(TaskInstanceHistory)
    if "task_instance_id" in history.c:
        # An id is as old as its run, which may be created long before the attempt begins.
        first = _first_id(since - DAY)
        yield _begun(tasks, since).where(tasks.c.id >= first)
        yield _columns(history, since).where(history.c.task_instance_id >= first)
        return
    for chunk in _chunks(pools, _POOLS):
        yield _begun(tasks, since).where(tasks.c.pool.in_(chunk))
    newest = select(func.coalesce(func.max(history.c.id), 0)).scalar_subquery()
    yield _columns(history, since).where(history.c.id > newest - _HISTORY)


def _begun(tasks: Table, since: datetime) -> Select[Any]:
    """Select the tasks that began. SQL's NOT IN also drops those without a state, such as cleared ones."""
    return _columns(tasks, since).where(tasks.c.state.notin_(_NOT_BEGUN))


def _columns(rows: Table, since: datetime) -> Select[Any]:
    from sqlalchemy import DateTime, func, null, select, type_coerce

    # Take times as the driver returns them: converting them to Airflow's own type takes longer than the query.
    moments = (type_coerce(rows.c.get(name, null()), DateTime()).label(name) for name in _MOMENTS)
    unreachable = func.coalesce(rows.c.retry_reason, "") == ELSEWHERE if "retry_reason" in rows.c else null()
    return select(rows.c.pool, rows.c.state, unreachable, *moments).where(rows.c.start_date >= since)


def _first_id(when: datetime) -> UUID:
    """Return the smallest UUID version 7 of a time: these ids, which Airflow 3 uses, begin with the time in milliseconds."""
    return UUID(int=int(when.timestamp() * 1000) << 80)


def _attempt(row: Sequence[Any]) -> Attempt:
    pool, state, unreachable, start, end, queued, scheduled = row
    wait = max(0.0, (queued - scheduled).total_seconds()) if scheduled and queued else None
    return Attempt(pool, state, start, end, wait, unreachable)


def read_latest(connection: Connection, dags: Iterable[str]) -> list[Latest]:
    """Return the attempts in the newest run of each DAG."""
    found: list[Latest] = []
    for chunk in _chunks(sorted(dags), _DAGS):
        runs = [tuple(row) for row in connection.execute(newest_runs(chunk))]
        if runs and len(found) < _LATEST:
            found += [Latest(*row) for row in connection.execute(attempts_of(runs).limit(_LATEST - len(found)))]
    return found


def newest_runs(dags: Sequence[str]) -> Select[Any]:
    """Return the query for the newest run of each DAG: the DAG's id, and the run's."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import func, select

    runs = table_of(DagRun).c
    newest = select(func.max(runs.id)).where(runs.dag_id.in_(dags)).group_by(runs.dag_id)
    return select(runs.dag_id, runs.run_id).where(runs.id.in_(newest))


def attempts_of(runs: Sequence[tuple[Any, ...]]) -> Select[Any]:
    """Return the query for the attempts of runs, each given as the ids of its DAG and of itself."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select, tuple_

    rows = table_of(TaskInstance).c
    return select(*(rows[name] for name in Latest._fields)).where(tuple_(rows.dag_id, rows.run_id).in_(runs))


def _chunks(names: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), most):
        yield names[start : start + most]
