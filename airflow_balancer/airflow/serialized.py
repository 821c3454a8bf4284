"""The tasks in serialized DAGs: the pool of each, and a balanced task's candidates. The JSON is read without building DAGs."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from ..fleet.pools import DEFAULT_POOL
from ..picking.folding import MARK
from .versions import table_of

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.engine import Connection

MOST_VERSIONS = 5
"""The most versions of a DAG that are compared."""
_CHUNK = 200
_WHERE = ("balancer", "ssh_hook")
"""The arguments of a mapped operator whose string lists the candidates."""


class SerializedTask(NamedTuple):
    """A task outside the default pool. `candidates` is the string of a balanced task's candidates; empty for other tasks."""

    task_id: str
    pool: str
    candidates: str = ""
    is_mapped: bool = False


class Form(NamedTuple):
    """A serialized form of a DAG: its row's key and hash, the version's number, and when it was made."""

    dag_id: str
    key: Any
    hash: str
    number: int
    made: datetime


class Version(NamedTuple):
    """A version of a DAG."""

    number: int
    made: datetime
    tasks: Sequence[SerializedTask]


class _Kept:
    """A cache of the tasks of serialized forms."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, Any, str], list[SerializedTask]] = {}
        self._lock = Lock()

    def read(self, connection: Connection, forms: Sequence[Form]) -> list[list[SerializedTask]]:
        """Return the tasks of each form, and forget all other forms."""
        with self._lock:
            keys = {form[:3]: form for form in forms}
            for key in self._tasks.keys() - keys:
                del self._tasks[key]
            missing = [form for key, form in keys.items() if key not in self._tasks]
            for start in range(0, len(missing), _CHUNK):
                self._tasks.update(_parsed(connection, missing[start : start + _CHUNK]))
            return [self._tasks[form[:3]] for form in forms]


_newest, _earlier = _Kept(), _Kept()


def keeps_versions() -> bool:
    """Return whether this Airflow keeps earlier versions of a DAG, as Airflow 3 does."""
    from airflow.models.serialized_dag import SerializedDagModel

    return "dag_version_id" in table_of(SerializedDagModel).c


def read_newest(connection: Connection) -> dict[str, list[SerializedTask]]:
    """Return the tasks in the newest form of each current DAG, reading only forms that changed."""
    forms = sorted((Form(*row) for row in connection.execute(newest_forms())), key=lambda form: form.dag_id)
    return {form.dag_id: tasks for form, tasks in zip(forms, _newest.read(connection, forms), strict=True)}


def read_versions(connection: Connection, dags: Iterable[str]) -> dict[str, list[Version]]:
    """Return the last versions of each DAG, the oldest first; Airflow 2 has one."""
    names = sorted(dags)
    chunks = (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))
    forms = [Form(*row) for chunk in chunks for row in connection.execute(newest_forms(MOST_VERSIONS, chunk))]
    found: dict[str, list[Version]] = {}
    for form, tasks in sorted(zip(forms, _earlier.read(connection, forms), strict=True), key=lambda pair: pair[0].number):
        found.setdefault(form.dag_id, []).append(Version(form.number, form.made, tasks))
    return found


def newest_forms(most: int = 1, dags: Sequence[str] | None = None) -> Select[Any]:
    """Return the query for at most `most` forms of each current DAG, the newest."""
    from airflow.models.dag import DagModel
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import literal, select

    models, rows = table_of(DagModel).c, table_of(SerializedDagModel).c
    there = ~models.is_stale if "is_stale" in models else models.is_active
    if keeps_versions():
        query = _versions(most, dags)
    else:
        query = select(rows.dag_id, rows.dag_id, rows.dag_hash, literal(1), rows.last_updated)
        query = query if dags is None else query.where(rows.dag_id.in_(dags))
    return query.join(table_of(DagModel), models.dag_id == rows.dag_id).where(there)


def _versions(most: int, dags: Sequence[str] | None) -> Select[Any]:
    """Return the query for Airflow 3. It uses the indexes of forms by version, and of versions by DAG and number."""
    from airflow.models.dag_version import DagVersion
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import func, select, true

    versions, rows = table_of(DagVersion), table_of(SerializedDagModel)
    last = select(versions.c.dag_id, func.max(versions.c.version_number).label("number")).group_by(versions.c.dag_id)
    wanted = true() if dags is None else versions.c.dag_id.in_(dags)
    newest = last.where(wanted).subquery()
    recent = wanted & (versions.c.dag_id == newest.c.dag_id) & (versions.c.version_number > newest.c.number - most)
    columns = (rows.c.dag_id, rows.c.dag_version_id, rows.c.dag_hash, versions.c.version_number, versions.c.created_at)
    return select(*columns).select_from(newest.join(versions, recent).join(rows, rows.c.dag_version_id == versions.c.id))


def _parsed(connection: Connection, forms: Sequence[Form]) -> dict[tuple[str, Any, str], list[SerializedTask]]:
    found = {row[0]: list(tasks_of(_plain(*row[1:]))) for row in connection.execute(contents([form.key for form in forms]))}
    return {form[:3]: found.get(form.key, []) for form in forms}


def contents(keys: Sequence[Any]) -> Select[Any]:
    """Return the query for the content of the forms with these keys."""
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import select

    rows = table_of(SerializedDagModel).c
    key = rows.dag_version_id if "dag_version_id" in rows else rows.dag_id
    return select(key, rows.data, rows.data_compressed).where(key.in_(keys))


def _plain(data: Any, compressed: bytes | None) -> Any:
    if compressed:
        return json.loads(zlib.decompress(compressed))
    return json.loads(data) if isinstance(data, str | bytes) else data


def tasks_of(serialized: Any) -> Iterator[SerializedTask]:
    """Yield the tasks of a serialized DAG that are outside the default pool."""
    tasks = _inside(_inside(_inside(serialized).get("dag")).get("tasks"))
    for item in tasks if isinstance(tasks, list) else ():
        task = _inside(item)
        partial = _inside(task.get("partial_kwargs"))
        pool = task.get("pool") or _inside(partial.get("pool"))
        if isinstance(pool, str) and pool != DEFAULT_POOL and task.get("task_id"):
            text = _candidates([task.get("candidates"), *map(partial.get, _WHERE)])
            yield SerializedTask(str(task["task_id"]), pool, text, bool(task.get("_is_mapped")))


def _candidates(values: Iterable[Any]) -> str:
    inside = map(_inside, values)
    return next((value for value in inside if isinstance(value, str) and value.startswith(MARK)), "")


def _inside(value: Any) -> Any:
    """Unwrap a serialized value; return an empty mapping for None."""
    wrapped = value["__var"] if isinstance(value, Mapping) and "__var" in value else value
    return {} if wrapped is None else wrapped
