"""Rows of Airflow's tables as a test wants them, everything else in them filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import sqlalchemy
from sqlalchemy.engine import Connection

__all__ = ("add_pool", "add_tasks", "insert")

_FILLERS: dict[type, Any] = {bool: False, int: 0, float: 0.0, datetime: datetime(2026, 1, 1, tzinfo=UTC), bytes: b"", dict: "{}"}
_numbers = count()


def _filler(kind: Any) -> Any:
    try:
        python = kind.python_type
    except NotImplementedError:
        return str(uuid4())
    return _FILLERS[python] if python in _FILLERS else str(uuid4())


def insert(connection: Connection, table: str, **values: Any) -> None:
    """Insert a row; columns that need a value and are given none get one that means nothing, and foreign keys are not checked."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    columns = sqlalchemy.inspect(connection).get_columns(table)
    needed = {c["name"]: _filler(c["type"]) for c in columns if not c["nullable"] and c["default"] is None and c["name"] != "id"}
    given = {c["name"]: str(uuid4()) for c in columns if c["name"] == "id" and not isinstance(c["type"], sqlalchemy.Integer)}
    row = {**needed, **given, **values}
    names = ", ".join(row)
    connection.execute(sqlalchemy.text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})"), row)


def add_pool(connection: Connection, name: str, slots: int, *, include_deferred: bool = False) -> None:
    """Make a pool."""
    insert(connection, "slot_pool", pool=name, slots=slots, description="", include_deferred=include_deferred)


def add_tasks(connection: Connection, pool: str, **states: int) -> None:
    """Put a task instance into a pool for each state that is given, with so many pool slots."""
    for state, slots in states.items():
        insert(connection, "task_instance", pool=pool, state=state, pool_slots=slots, task_id=f"task{next(_numbers)}")
