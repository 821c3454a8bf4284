"""Pools in a metadata database, and the scheduler's listener."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

from ..fleets import balancer_data
from ..worker import Setting, timed

__all__ = (
    "apply_seconds",
    "apply_statements",
    "listener_seconds",
    "listener_statements",
    "listener_wide_seconds",
    "plan_seconds",
    "unchanged_seconds",
    "unchanged_statements",
)

_FILES = 200


class _Database:
    """A database with Airflow's tables, and no pools; counts the statements sent to it."""

    def __init__(self, url: str) -> None:
        from airflow.models import import_all_models
        from airflow.models.base import Base
        from sqlalchemy import create_engine, event

        import_all_models()
        self.statements = 0
        self.engine = create_engine(url)
        Base.metadata.create_all(self.engine)
        event.listen(self.engine, "before_cursor_execute", self._count)

    def empty(self) -> None:
        """Delete all pools."""
        from sqlalchemy import text

        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM slot_pool"))

    def _count(self, *_: object) -> None:
        self.statements += 1


@cache
def _opened(url: str) -> _Database:
    return _Database(url)


def _database(setting: Setting) -> _Database:
    database = _opened(setting.database or f"sqlite:///{setting.folder}/pools-{os.getpid()}.db")
    database.empty()
    return database


def _fleets(setting: Setting) -> dict[str, Any]:
    from airflow_balancer import Fleet

    return {"fleet.yaml": Fleet.from_data(balancer_data(setting.hosts, setting.ports))}


def _apply(database: _Database, fleets: dict[str, Any]) -> None:
    from airflow_balancer.airflow.database import apply_fleets

    with database.engine.begin() as connection:
        apply_fleets(connection, fleets)


def _statements(database: _Database, run: Callable[[], object]) -> list[float]:
    database.statements = 0
    run()
    return [float(database.statements)]


def apply_seconds(setting: Setting) -> list[float]:
    """Seconds to write all pools into an empty table."""
    database, fleets = _database(setting), _fleets(setting)
    return timed(setting, lambda _: _apply(database, fleets), database.empty)


def apply_statements(setting: Setting) -> list[float]:
    """Statements of the same."""
    database, fleets = _database(setting), _fleets(setting)
    return _statements(database, lambda: _apply(database, fleets))


def unchanged_seconds(setting: Setting) -> list[float]:
    """Seconds to apply what is there already."""
    database, fleets = _database(setting), _fleets(setting)
    _apply(database, fleets)
    return timed(setting, lambda _: _apply(database, fleets))


def unchanged_statements(setting: Setting) -> list[float]:
    """Statements of the same."""
    database, fleets = _database(setting), _fleets(setting)
    _apply(database, fleets)
    return _statements(database, lambda: _apply(database, fleets))


def plan_seconds(setting: Setting) -> list[float]:
    """Seconds to compare all pools with an empty table."""
    from airflow_balancer.airflow.database import plan_fleets

    database, fleets = _database(setting), _fleets(setting)

    def plan(_: None) -> None:
        with database.engine.begin() as connection:
            plan_fleets(connection, fleets)

    return timed(setting, plan)


def listener_seconds(setting: Setting) -> list[float]:
    """Seconds of the listener at a DAG run where no file changed."""
    run, _ = _listener(setting, files=0)
    return timed(setting, lambda _: run())


def listener_wide_seconds(setting: Setting) -> list[float]:
    """Seconds of the same where the DAGs folder holds many more YAML files."""
    run, _ = _listener(setting, files=_FILES)
    return timed(setting, lambda _: run())


def listener_statements(setting: Setting) -> list[float]:
    """Statements of the same."""
    run, database = _listener(setting, files=0)
    return _statements(database, run)


def _listener(setting: Setting, files: int) -> tuple[Callable[[], None], _Database]:
    """Return what the scheduler calls at a DAG run, the pools being made, and its database."""
    from sqlalchemy.orm import Session

    from airflow_balancer.airflow.sync import Sync

    dags = setting.folder / f"dags-{os.getpid()}-{files}"
    dags.mkdir(exist_ok=True)
    (dags / "fleet.yaml").write_bytes((setting.folder / "plain" / "fleet.yaml").read_bytes())
    for number in range(files):
        (dags / f"other{number}.yaml").write_text("key: value\n")
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(dags)
    database, sync = _database(setting), Sync()
    session = Session(database.engine)
    dag_run = _dag_run(session)
    database.statements = 0
    sync.at_run(dag_run)
    if not database.statements:
        raise RuntimeError("the listener wrote no pools at its first run")
    return lambda: sync.at_run(dag_run), database


def _dag_run(session: Any) -> Any:
    from airflow.models.dagrun import DagRun

    dag_run = DagRun()
    session.enable_relationship_loading(dag_run)
    session.add(dag_run)
    session.autoflush = False
    return dag_run
