"""The attempts of the last day, in real metadata databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy", reason="Airflow is not installed")

from sqlalchemy.engine import Connection  # noqa: E402

from airflow_balancer.airflow.attempts import DAY, Attempt, read_attempts, statements  # noqa: E402
from airflow_balancer.airflow.versions import ELSEWHERE  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Airflow 2's models at their import
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SINCE = NOW - DAY
OLD = NOW - timedelta(days=30)
_numbers = count(1)


def _tables() -> dict[str, Any]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory

    return {"now": TaskInstance.__table__, "before": TaskInstanceHistory.__table__}


def row(table: str, start: datetime | None, **values: Any) -> dict[str, Any]:
    """Return a row of an attempt that was made an hour before it began, without the columns that this Airflow lacks."""
    columns, number = _tables()[table].c, next(_numbers)
    made = (start or OLD) - timedelta(hours=1)
    identity = UUID(int=(int(made.timestamp() * 1000) << 80) + number)
    ids = {"id": identity, "task_instance_id": identity, "dag_version_id": None} if "task_instance_id" in _tables()["before"].c else {}
    names = {"dag_id": "etl", "task_id": "extract", "run_id": f"run{number}", "map_index": -1, "try_number": 1, "pool": "host1"}
    times = {"scheduled_dttm": None, "queued_dttm": None, "retry_reason": None}
    given = {**ids, **names, **times, "state": "success", "start_date": start, "end_date": start, "executor_config": {}, **values}
    return {key: value for key, value in given.items() if key in columns}


def add(connection: Connection, table: str, *rows: dict[str, Any]) -> None:
    connection.execute(_tables()[table].insert(), list(rows))


def read(connection: Connection) -> list[Attempt]:
    """Read the attempts since then, their moments with a time zone whatever the driver gives."""
    found = read_attempts(connection, ["host1"], SINCE)
    return [one._replace(start=aware(one.start), end=one.end and aware(one.end)) for one in found]


def aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def knows(column: str) -> bool:
    return column in _tables()["now"].c


def test_attempts_of_the_last_day_are_read_with_their_waits_and_ends(connection: Connection) -> None:
    start = NOW - timedelta(hours=2)
    times = {"scheduled_dttm": start - timedelta(seconds=90), "queued_dttm": start - timedelta(seconds=30)}
    add(connection, "now", row("now", start, **times), row("now", OLD), row("now", None, state=None))
    wait, unreachable = (60.0 if knows("scheduled_dttm") else None), (False if knows("retry_reason") else None)
    assert read(connection) == [Attempt("host1", "success", start, start, wait, unreachable)]


def test_earlier_attempts_of_a_task_count_and_one_that_is_up_for_a_retry_counts_once(connection: Connection) -> None:
    first, second = NOW - timedelta(hours=3), NOW - timedelta(hours=2)
    same = {"run_id": "a", "state": "failed", "retry_reason": ELSEWHERE}
    add(connection, "before", row("before", first, **same), row("before", second, **same, try_number=2))
    add(connection, "now", row("now", second, **same | {"state": "up_for_retry", "try_number": 2}))
    found = read(connection)
    assert [(attempt.start, attempt.failed) for attempt in sorted(found, key=lambda one: one.start)] == [(first, True), (second, True)]
    assert {attempt.unreachable for attempt in found} == {True if knows("retry_reason") else None}


@pytest.mark.parametrize("state", [None, "scheduled", "queued"])
def test_an_attempt_of_a_cleared_task_counts_once(connection: Connection, state: str | None) -> None:
    add(connection, "before", row("before", SINCE, run_id="a"))
    add(connection, "now", row("now", SINCE, run_id="a", state=state))
    assert [attempt.state for attempt in read(connection)] == ["success"]


def explained(connection: Connection, query: Any) -> str:
    """Return the plan of a query as the driver gets it."""
    sent: list[Any] = []
    sqlalchemy.event.listen(connection, "before_cursor_execute", lambda *given: sent.append(given[2:4]))
    connection.execute(query).all()
    return "\n".join(line for (line,) in connection.exec_driver_sql(f"EXPLAIN {sent[0][0]}", sent[0][1]))


@pytest.mark.slow
def test_the_queries_use_the_indexes_of_postgresql(postgres_database: str) -> None:
    engine = sqlalchemy.create_engine(postgres_database)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        for table in ("before", "now"):
            rows = [row(table, OLD + timedelta(minutes=number), pool=f"host{number % 400}") for number in range(6000)]
            add(connection, table, *rows)
            connection.exec_driver_sql(f"ANALYZE {_tables()[table].name}")
        for query in statements(["host1", "host2"], SINCE):
            plan = explained(connection, query)
            assert "Index" in plan, plan
            assert "Seq Scan" not in plan, plan
    engine.dispose()


@pytest.mark.slow
def test_the_latest_attempts_of_the_newest_run_are_found_by_indexes(postgres_database: str) -> None:
    from airflow_balancer.airflow.attempts import attempts_of

    engine = sqlalchemy.create_engine(postgres_database)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        rows = [row("now", OLD, dag_id=f"dag{number % 100}", run_id=f"run{number}") for number in range(6000)]
        add(connection, "now", *rows)
        connection.exec_driver_sql("ANALYZE task_instance")
        query = attempts_of([("dag1", "run1"), ("dag2", "run2")])
        assert [(attempt[0], attempt[3]) for attempt in sorted(connection.execute(query))] == [("dag1", "run1"), ("dag2", "run2")]
        plan = explained(connection, query)
        assert "Index" in plan, plan
        assert "Seq Scan" not in plan, plan
    engine.dispose()
