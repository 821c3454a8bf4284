"""What stands for a scheduler: a session over the metadata database, as in its loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from airflow.models.pool import Pool
from airflow.utils.sqlalchemy import prohibit_commit
from sqlalchemy.orm import Session

from airflow_balancer.airflow.pools import is_ours
from airflow_balancer.airflow.sync import Sync
from airflow_balancer.fleet.pools import PoolSlots

__all__ = ("GOOD", "Scheduler")

GOOD = "_target_: airflow_balancer.BalancerConfiguration\nhosts:\n  - {name: good1, size: 8}\n"


class Scheduler:
    """A session that may not be committed but by its guard, as in a scheduler's loop; counts statements."""

    def __init__(self, url: str) -> None:
        self.engine = sqlalchemy.create_engine(url)
        self.statements: list[str] = []
        sqlalchemy.event.listen(self.engine, "before_cursor_execute", lambda *args: self.statements.append(args[2]))

    @contextmanager
    def loop(self) -> Iterator[Any]:
        """Give what stands for a DAG run: an object of the session."""
        with Session(self.engine) as session, prohibit_commit(session) as guard:
            run = session.query(Pool).first()
            self.statements.clear()
            yield run
            guard.commit()

    def run(self, sync: Sync) -> None:
        with self.loop() as run:
            sync.at_run(run)

    def pools(self) -> dict[str, int]:
        with Session(self.engine) as session:
            rows = [PoolSlots(pool.pool, pool.slots, pool.description or "", include_deferred=False) for pool in session.query(Pool)]
        return {pool.name: pool.slots for pool in rows if is_ours(pool)}
