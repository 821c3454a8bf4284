"""What Airflow's database knows of each pool's attempts of the last day; its queries use Airflow's own indexes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from .versions import ELSEWHERE

if TYPE_CHECKING:
    from sqlalchemy import Select, Table
    from sqlalchemy.engine import Connection

DAY = timedelta(days=1)
_CHUNK = 500
_HISTORY = 50_000
"""The most rows of Airflow 2's history of attempts that are read: the last ones, it has no index by time."""
_NOT_BEGUN = ("scheduled", "queued", "up_for_retry")
"""States of a task whose last attempt, if there was one, is in the history."""
_MOMENTS = ("start_date", "end_date", "queued_dttm", "scheduled_dttm")
"""The last one is not in each Airflow."""


class Attempt(NamedTuple):
    """An attempt of a task.

    Attributes:
        pool: Its pool.
        state: Its state.
        start: When it began, in UTC; without a time zone where the database's driver gives none.
        end: When it ended, if it has, likewise.
        wait: How many seconds it waited for a slot; None where Airflow does not know.
        unreachable: Whether it failed because its host could not be reached; None where Airflow does not know.
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


def read_attempts(connection: Connection, pools: Iterable[str], since: datetime) -> list[Attempt]:
    """Return the attempts in these pools that began at or after a time."""
    return [_attempt(row) for query in statements(sorted(pools), since) for row in connection.execute(query).all()]


def statements(pools: Sequence[str], since: datetime) -> Iterator[Select[Any]]:
    """Yield the queries: Airflow 3's attempts are found by the time in their ids, Airflow 2's by the index of pools."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory

    tasks, history = (_table(model) for model in (TaskInstance, TaskInstanceHistory))
    if "task_instance_id" in history.c:
        # Made with the run, which may be long before they begin.
        first = _first_id(since - DAY)
        yield _begun(tasks, since).where(tasks.c.id >= first)
        yield _columns(history, since).where(history.c.task_instance_id >= first)
        return
    for start in range(0, len(pools), _CHUNK):
        yield _begun(tasks, since).where(tasks.c.pool.in_(pools[start : start + _CHUNK]))
    yield _columns(history, since).where(history.c.id > _newest(history) - _HISTORY)


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


def _begun(tasks: Table, since: datetime) -> Select[Any]:
    """Leave out the tasks without a state, too, as those are that were cleared."""
    return _columns(tasks, since).where(tasks.c.state.notin_(_NOT_BEGUN))


def _columns(rows: Table, since: datetime) -> Select[Any]:
    from sqlalchemy import DateTime, func, null, select, type_coerce

    # As the driver gives moments: the conversion by Airflow's own type takes longer than the query.
    moments = (type_coerce(rows.c.get(name, null()), DateTime()).label(name) for name in _MOMENTS)
    unreachable = func.coalesce(rows.c.retry_reason, "") == ELSEWHERE if "retry_reason" in rows.c else null()
    return select(rows.c.pool, rows.c.state, unreachable, *moments).where(rows.c.start_date >= since)


def _newest(history: Table) -> Any:
    from sqlalchemy import func, select

    return select(func.coalesce(func.max(history.c.id), 0)).scalar_subquery()


def _first_id(when: datetime) -> UUID:
    """Return the smallest UUID of version 7 of a time: Airflow 3's ids begin with theirs, in milliseconds."""
    return UUID(int=int(when.timestamp() * 1000) << 80)


def _attempt(row: Sequence[Any]) -> Attempt:
    pool, state, unreachable, start, end, queued, scheduled = row
    wait = max(0.0, (queued - scheduled).total_seconds()) if scheduled and queued else None
    return Attempt(pool, state, start, end, wait, unreachable)
