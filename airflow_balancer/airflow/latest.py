"""The latest attempt of each task, and of each index of a mapped one, in its DAG's newest run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.engine import Connection

_CHUNK = 200
MOST = 20_000
"""The most attempts that are read."""


class Latest(NamedTuple):
    """The latest attempt of a task, or of an index of a mapped one; `map_index` is -1 for a task that is not mapped."""

    dag_id: str
    task_id: str
    map_index: int
    run_id: str
    pool: str
    state: str | None
    try_number: int

    @property
    def path(self) -> str:
        """Its page below Airflow's own address."""
        page, index = _page(self.dag_id, self.run_id, self.task_id)
        return page + (index.format(self.map_index) if self.map_index >= 0 else "")


@lru_cache(maxsize=1_000)
def _page(dag_id: str, run_id: str, task_id: str) -> tuple[str, str]:
    """Return the page of a task, whose indices may be thousands, and what an index adds to it."""
    from airflow import __version__

    dag, run, task = (quote(part, safe="") for part in (dag_id, run_id, task_id))
    if __version__.startswith("2."):
        return f"dags/{dag}/grid?{urlencode({'dag_run_id': run_id, 'task_id': task_id})}", "&map_index={}"
    return f"dags/{dag}/runs/{run}/tasks/{task}", "/mapped/{}"


def read_latest(connection: Connection, dags: Iterable[str]) -> list[Latest]:
    """Return the attempts of the newest run of each of the DAGs."""
    found: list[Latest] = []
    for chunk in _chunks(sorted(dags)):
        runs = [tuple(row) for row in connection.execute(newest_runs(chunk))]
        if runs and len(found) < MOST:
            found += [Latest(*row) for row in connection.execute(attempts_of(runs).limit(MOST - len(found)))]
    return found


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _CHUNK):
        yield names[start : start + _CHUNK]


def newest_runs(dags: Sequence[str]) -> Select[Any]:
    """Return the query for the DAG and the id of the newest run of each of the DAGs."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import func, select

    runs: Any = DagRun.__table__  # type: ignore[attr-defined,unused-ignore]
    newest = select(func.max(runs.c.id)).where(runs.c.dag_id.in_(dags)).group_by(runs.c.dag_id)
    return select(runs.c.dag_id, runs.c.run_id).where(runs.c.id.in_(newest))


def attempts_of(runs: Sequence[tuple[Any, ...]]) -> Select[Any]:
    """Return the query for the attempts of runs, each given as DAG and id."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select, tuple_

    rows: Any = TaskInstance.__table__  # type: ignore[attr-defined,unused-ignore]
    return select(*(rows.c[name] for name in Latest._fields)).where(tuple_(rows.c.dag_id, rows.c.run_id).in_(runs))
