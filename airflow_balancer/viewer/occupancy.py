"""The slots of Airflow's pools, by what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .catalogue import Catalogue
from .live import UnavailableError, metadata_connection
from .models import NoQuery, Occupancy, OccupancyAnswer

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ("occupancy", "read_occupancy")

_INFINITE = -1
_EXECUTING = ("running", "queued", "deferred", "scheduled")


def occupancy(_: Catalogue, __: NoQuery) -> OccupancyAnswer:
    """Return the occupancy of all pools; where there is no metadata database, why."""
    try:
        with metadata_connection() as connection:
            return OccupancyAnswer(available=True, pools=read_occupancy(connection))
    except UnavailableError as error:
        return OccupancyAnswer(available=False, why=str(error))


def read_occupancy(connection: Connection) -> dict[str, Occupancy]:
    """Return the slots of each pool, counted as Airflow's `Pool.slots_stats` does, in two queries."""
    from sqlalchemy import column, func, select, table

    pools = table("slot_pool", column("pool"), column("slots"), column("include_deferred"))
    tasks = table("task_instance", column("pool"), column("state"), column("pool_slots"))
    counts: dict[str, dict[str, int]] = {}
    query = select(tasks.c.pool, tasks.c.state, func.sum(tasks.c.pool_slots)).where(tasks.c.state.in_(_EXECUTING))
    for pool, state, slots in connection.execute(query.group_by(tasks.c.pool, tasks.c.state)):
        counts.setdefault(pool, {})[state] = int(slots)
    rows = connection.execute(select(pools.c.pool, pools.c.slots, pools.c.include_deferred))
    return {pool: _occupied(total, counts.get(pool, {}), deferred=bool(deferred)) for pool, total, deferred in rows}


def _occupied(total: int, counts: dict[str, int], *, deferred: bool) -> Occupancy:
    by_state = {state: counts.get(state, 0) for state in _EXECUTING}
    taken = by_state["running"] + by_state["queued"] + (by_state["deferred"] if deferred else 0)
    slots = None if total == _INFINITE else total
    return Occupancy(total=slots, open=None if slots is None else slots - taken, **by_state)
