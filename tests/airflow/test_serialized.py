"""The serialized DAGs in real metadata databases, written as Airflow writes them."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy", reason="Airflow is not installed")

from sqlalchemy.engine import Connection  # noqa: E402

from airflow_balancer.airflow import serialized  # noqa: E402
from airflow_balancer.airflow.serialized import MOST_VERSIONS, SerializedTask, contents, keeps_versions, newest_forms  # noqa: E402
from tests.airflow.test_attempts import explained  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Airflow 2's models at their import
START = datetime(2026, 11, 1, tzinfo=UTC)


def tables() -> dict[str, Any]:
    from airflow.models.dag import DagModel
    from airflow.models.serialized_dag import SerializedDagModel

    return {"dags": DagModel.__table__, "forms": SerializedDagModel.__table__}


def insert(connection: Connection, table: Any, *rows: dict[str, Any]) -> None:
    known = [{key: value for key, value in row.items() if key in table.c} for row in rows]
    connection.execute(table.insert(), known)


def add_dag(connection: Connection, dag_id: str, *, stale: bool = False) -> None:
    given = {"dag_id": dag_id, "is_stale": stale, "is_active": not stale, "is_paused": False, "fileloc": "/x.py", "bundle_name": "x"}
    more = {"has_task_concurrency_limits": False, "max_active_runs": 1, "max_active_tasks": 1, "max_consecutive_failed_dag_runs": 0}
    insert(connection, tables()["dags"], {**given, **more})


def add_forms(connection: Connection, *forms: tuple[str, int, str], compressed: bool = False) -> None:
    """Add forms, each a DAG, the number of its version, and the pool of its only task."""
    rows = []
    for dag_id, number, pool in forms:
        identity, when = UUID(int=hash((dag_id, number)) & (2**127 - 1)), START + timedelta(days=number)
        data: Any = {"dag": {"tasks": [{"__var": {"task_id": "load", "pool": pool}}]}}
        packed = zlib.compress(json.dumps(data).encode()) if compressed else None
        times = {"created_at": when, "last_updated": when}
        row = {"id": identity, "dag_id": dag_id, "dag_hash": f"{number}", "dag_version_id": identity, "version_number": number}
        rows.append(
            {**row, **times, "data": None if compressed else data, "data_compressed": packed, "fileloc": "/x.py", "fileloc_hash": 1}
        )
    if keeps_versions():
        from airflow.models.dag_version import DagVersion

        insert(connection, DagVersion.__table__, *rows)
    insert(connection, tables()["forms"], *rows)


@pytest.mark.parametrize("how", [{}, {"compressed": True}], ids=["plain", "compressed"])
def test_the_tasks_are_those_of_the_newest_form_of_dags_that_are_there(connection: Connection, how: dict[str, bool]) -> None:
    add_dag(connection, "etl")
    add_dag(connection, "gone", stale=True)
    versions = [("etl", 9, "host9"), ("etl", 10, "host10")] if keeps_versions() else [("etl", 10, "host10")]
    add_forms(connection, *versions, ("gone", 1, "host1"), **how)
    assert serialized.read_newest(connection) == {"etl": [SerializedTask("load", "host10")]}


def test_the_last_versions_are_read_the_oldest_first(connection: Connection) -> None:
    add_dag(connection, "etl")
    add_dag(connection, "other")
    numbers = range(3, 11) if keeps_versions() else [1]
    add_forms(connection, *(("etl", number, f"host{number}") for number in numbers), ("other", 1, "host1"))
    [(dag_id, versions)] = serialized.read_versions(connection, ["etl"]).items()
    last = list(numbers)[-MOST_VERSIONS:]
    assert (dag_id, [version.number for version in versions]) == ("etl", last)
    assert [version.tasks for version in versions] == [[SerializedTask("load", f"host{number}")] for number in last]
    assert [version.made for version in versions] == [START + timedelta(days=number) for number in last]


def test_a_form_that_is_written_again_in_its_place_is_read_again(connection: Connection) -> None:
    add_dag(connection, "etl")
    add_forms(connection, ("etl", 1, "host1"))
    serialized.read_newest(connection)
    forms = tables()["forms"]
    data = {"dag": {"tasks": [{"task_id": "load", "pool": "host2"}]}}
    connection.execute(forms.update().values(data=data, dag_hash="another"))
    assert serialized.read_newest(connection) == {"etl": [SerializedTask("load", "host2")]}


@pytest.mark.slow
def test_the_queries_use_the_indexes_of_postgresql(postgres_database: str) -> None:
    engine = sqlalchemy.create_engine(postgres_database)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        for number in range(3000):
            add_dag(connection, f"dag{number}")
        add_forms(
            connection,
            *((f"dag{number}", version, "host1") for number in range(3000) for version in ([1, 2, 3] if keeps_versions() else [1])),
        )
        for table in ("dag", "serialized_dag", *(["dag_version"] if keeps_versions() else [])):
            connection.exec_driver_sql(f"ANALYZE {table}")
        keys = [row[1] for row in connection.execute(newest_forms(2, ["dag1", "dag2"]))]
        assert len(keys) == (4 if keeps_versions() else 2)
        for query in (newest_forms(2, ["dag1", "dag2"]), contents(keys)):
            plan = explained(connection, query)
            assert "Index" in plan, plan
            assert "Seq Scan" not in plan, plan
    engine.dispose()
