"""A process that is killed between two statements of an apply."""

from __future__ import annotations

import os
import signal
from itertools import count
from multiprocessing import get_context
from typing import Any

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy", reason="Airflow is not installed")
pytestmark = pytest.mark.slow

from airflow_balancer.airflow import database, versions  # noqa: E402
from airflow_balancer.airflow.metadata import CONNECTIONS, read_pools  # noqa: E402
from airflow_balancer.airflow.pools import is_ours  # noqa: E402
from airflow_balancer.fleet.fleet import Fleet  # noqa: E402

NAMES = [f"host{n}" for n in range(50)]
fork = get_context("fork")


def fleet(size: int) -> Fleet:
    """Fifty hosts with a port and a connection each, whose pools and logins tell the size."""
    hosts = [{"name": name, "size": size, "username": f"user{size}"} for name in NAMES]
    return Fleet.from_data({"create_connection": True, "hosts": hosts, "ports": [{"host": name, "port": 80} for name in NAMES]})


def pools(size: int) -> dict[str, int]:
    return dict.fromkeys(NAMES, size) | {f"{name}-80": 1 for name in NAMES}


def logins(size: int) -> dict[str, str]:
    return dict.fromkeys(NAMES, f"user{size}")


def state(url: str) -> tuple[dict[str, int], dict[str, str]]:
    """Return the slots of the balancer's pools, and the logins of all connections."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        logins = connection.execute(sqlalchemy.select(CONNECTIONS.c.conn_id, CONNECTIONS.c.login)).fetchall()
        return {pool.name: pool.slots for pool in read_pools(connection) if is_ours(pool)}, dict(logins)


def apply(url: str, size: int, *, killed_after: int = 0) -> tuple[int | None, str]:
    """Apply in a fork of this process, killed as by `kill -9` after so many statements; return its exit code and its last statement."""
    said = fork.SimpleQueue()
    process = fork.Process(target=_apply, args=(url, size, killed_after, said))
    process.start()
    process.join(60)
    statements = []
    while not said.empty():
        statements.append(said.get())
    return process.exitcode, statements[-1]


def _apply(url: str, size: int, killed_after: int, said: Any) -> None:
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
    versions.engine = lambda: engine
    numbers = count(1)

    @sqlalchemy.event.listens_for(engine, "after_cursor_execute")
    def _executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.put(" ".join(statement.split()[:3]))
        if next(numbers) == killed_after:
            os.kill(os.getpid(), signal.SIGKILL)

    database.apply_patiently({"fleet.yaml": fleet(size)})


def test_pools_and_connections_are_all_old_or_all_new_whichever_statement_was_the_last(database: str) -> None:
    versions.cipher()  # loads Airflow once, not in each fork
    lasts = []
    for number in count(1):
        assert (apply(database, 8)[0], state(database)) == (0, (pools(8), logins(8)))
        code, last = apply(database, 4, killed_after=number)
        if code != -signal.SIGKILL:
            break
        lasts.append(last)
        slots, users = state(database)
        assert slots in (pools(8), pools(4)), lasts
        assert users in (logins(8), logins(4)), lasts
        assert (apply(database, 4)[0], state(database)) == (0, (pools(4), logins(4))), lasts
    assert code == 0
    assert {"INSERT INTO slot_pool", "INSERT INTO connection"} <= set(lasts)
