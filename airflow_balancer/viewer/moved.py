"""The tasks that moved to another host since an earlier version of their DAG, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ..airflow import versions
from ..errors import UnavailableError
from ..fleet.fleet import Fleet
from ..picking.attempts import attempts_of
from ..picking.reasons import Side, reason_of_move
from .assignments import newest_tasks
from .catalogue import Catalogue
from .models.airflow import MovedAnswer, TaskMove, VersionMove
from .models.requests import ConfigurationQuery
from .places import Pool, pools_of

if TYPE_CHECKING:
    from ..airflow.serialized import SerializedTask, Version

_NO_VERSIONS = "Airflow 2 keeps the newest version of each DAG alone; Airflow 3 keeps the earlier ones too"
_INDICES = 16
"""The number of indices of a mapped task to compare."""


def moved(catalogue: Catalogue, query: ConfigurationQuery, readable: Collection[str] | None = None) -> MovedAnswer:
    """Return the tasks that moved within the last versions of their DAGs, newest first, or why these cannot be read."""
    fleet = catalogue.open(query.configuration, query.environment).fleet
    from ..airflow.serialized import MOST_VERSIONS, keeps_versions, read_versions

    if versions.has_airflow() and not keeps_versions():
        return MovedAnswer(available=False, why=_NO_VERSIONS)
    pools = pools_of(fleet)
    try:
        with newest_tasks(readable) as (connection, dags):
            read = read_versions(connection, {dag_id for dag_id, tasks in dags.items() if any(task.pool in pools for task in tasks)})
    except UnavailableError as error:
        return MovedAnswer(available=False, why=str(error))
    moves = [move for dag_id, made in read.items() for old, new in pairwise(made) for move in version_moves(dag_id, old, new, fleet)]
    newest_first = sorted(moves, key=lambda move: (-move.when.timestamp(), move.dag_id, move.task_id))
    return MovedAnswer(available=True, versions=MOST_VERSIONS, dags=len(read), moves=newest_first)


def version_moves(dag_id: str, old: Version, new: Version, fleet: Fleet) -> Iterator[VersionMove]:
    """Yield the tasks that a version of a DAG moves to another host than the version before."""
    for move in task_moves(dag_id, old.tasks, new.tasks, fleet):
        yield VersionMove(**move.model_dump(), before_version=old.number, version=new.number, when=new.made)


def task_moves(dag_id: str, old: Sequence[SerializedTask], new: Sequence[SerializedTask], fleet: Fleet) -> Iterator[TaskMove]:
    """Yield the tasks of a DAG that move to another host; `fleet` is the new one."""
    pools, earlier = pools_of(fleet), {task.task_id: task for task in old}
    for task in new:
        was = earlier.get(task.task_id)
        if was and was != task and (change := _change(f"{dag_id}.{task.task_id}", was, task, fleet, pools)):
            yield TaskMove(dag_id=dag_id, task_id=task.task_id, **change._asdict())


class _Change(NamedTuple):
    before: list[str]
    after: list[str]
    why: str


def _change(name: str, was: SerializedTask, task: SerializedTask, fleet: Fleet, pools: Mapping[str, Pool]) -> _Change | None:
    """Return a task's hosts before and after, and why it moved; None if it did not."""
    if not task.pool:
        return _Change(_hosts(was.pool, pools), [], "no candidate is left")
    if was.pool != task.pool:
        return _Change(_hosts(was.pool, pools), _hosts(task.pool, pools), _reason(name, was, task, fleet, -1))
    indices = range(_INDICES) if task.is_mapped else (-1,)
    moved = [index for index in indices if _first(name, was, index) != _first(name, task, index)]
    if not moved:
        return None
    before, after = (sorted({host for index in moved if (host := _first(name, one, index))}) for one in (was, task))
    told = f"{len(moved)} of its first {_INDICES} indices move: {', '.join(map(str, moved))}" if task.is_mapped else ""
    return _Change(before, after, "; ".join(filter(None, [told, _reason(name, was, task, fleet, moved[0])])))


def _hosts(pool: str, pools: Mapping[str, Pool]) -> list[str]:
    """Return the hosts of a pool, or the pool's name if this fleet has no hosts for it."""
    return (pools[pool].hosts if pool in pools else []) or [pool]


def _first(name: str, task: SerializedTask, index: int) -> str:
    with suppress(KeyError, ValueError):  # a string of another version of this package
        pick = attempts_of(task.candidates, name).first(index) if task.candidates else None
        return pick.host if pick else ""
    return ""


def _reason(name: str, was: SerializedTask, task: SerializedTask, fleet: Fleet, index: int) -> str:
    """Return why a task moved, according to its candidates before and after; empty if the serialized DAGs do not tell."""
    if not was.candidates or not task.candidates:
        return ""
    with suppress(KeyError, ValueError):
        old, new = (attempts_of(one.candidates, name) for one in (was, task))
        before, after = old.first(index), new.first(index)
        strategies = old.described.strategy, new.described.strategy
        if before and after and before.host != after.host and strategies[0] and strategies[1]:
            return reason_of_move(before, after, Side(strategies[0], None), Side(strategies[1], fleet.by_name))
    return ""
