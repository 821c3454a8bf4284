"""How full Airflow's pools are now: the one place that reads it, for the viewer, the command line and operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from ..errors import BalancerError, UnavailableError
from ..fleet.fleet import Fleet
from . import live
from .targets import current_settings, has_airflow, open_api

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from .api import RestApi

__all__ = (
    "INFINITE",
    "SECONDS",
    "LiveLoad",
    "Occupancy",
    "PoolOccupancy",
    "count_slots",
    "host_load",
    "live_load",
    "load_of",
    "read_occupancy",
)

SECONDS = 2.0
"""How long Airflow has to say how full its pools are."""
INFINITE = -1
"""The slots of a pool without a limit, as Airflow stores them."""
_COUNTED = ("running", "queued", "deferred", "scheduled")
_NOWHERE = "there is no Airflow here; give the address of its API server in [balancer] api_url (AIRFLOW__BALANCER__API_URL)"


class PoolOccupancy(NamedTuple):
    """The slots of a pool by what is in them.

    Attributes:
        total: How many there are; None for infinitely many.
        running: Those of running tasks.
        queued: Those of queued tasks.
        deferred: Those of deferred tasks; taken only in a pool that includes them.
        scheduled: Those that scheduled tasks wait for; none of them is taken yet.
        taken: Those that no other task can have.
    """

    total: int | None
    running: int
    queued: int
    deferred: int
    scheduled: int
    taken: int

    @property
    def open(self) -> int | None:
        """The slots that are not taken; None for infinitely many."""
        return None if self.total is None else self.total - self.taken


class Occupancy(NamedTuple):
    """The occupancy of all pools, by their names, and who said it."""

    source: str
    pools: Mapping[str, PoolOccupancy]


class LiveLoad(NamedTuple):
    """How many slots are taken on each host, by name, and who said it; or nothing, and why nobody could."""

    load: Mapping[str, int]
    source: str
    why: str


def live_load(fleet: Fleet, *, api_url: str = "", api_username: str = "") -> LiveLoad:
    """Return the load of a fleet's hosts now, or none where `read_occupancy` has none."""
    try:
        read = read_occupancy(seconds=SECONDS, api_url=api_url, api_username=api_username)
    except BalancerError as error:
        return LiveLoad({}, "", str(error))
    return LiveLoad(load_of(fleet, read.pools), read.source, "")


def host_load(fleet: Fleet, *, seconds: float = SECONDS) -> dict[str, int]:
    """Return how many slots are taken on each host of a fleet now, by the hosts' names.

    They are those of running and queued tasks in the host's pool (and of deferred ones where the pool
    includes them), each task counting as many as it has pool slots. See `load_of` for hosts that share
    a pool, and `read_occupancy` for who is asked.

    Args:
        fleet: The hosts.
        seconds: How long all of it may take; loading Airflow, where this process has not yet, is not counted.

    Raises:
        UnavailableError: Nobody can say, or not in time; the text says why.
        ConfigurationError: An option of section `[balancer]` cannot be read.
    """
    return load_of(fleet, read_occupancy(seconds=seconds).pools)


def load_of(fleet: Fleet, pools: Mapping[str, PoolOccupancy]) -> dict[str, int]:
    """Return how many slots are taken on each host, by name; a pool that is not there has none.

    Nobody knows on which of several hosts the tasks of a shared pool run: each host gets the share of
    its size, rounded up, so that hosts of one size are as loaded as each other.
    """
    sizes: dict[str, int] = {}
    for host in fleet.hosts:
        sizes[host.pool_name] = sizes.get(host.pool_name, 0) + host.size
    taken = {name: pool.taken for name, pool in pools.items()}
    return {host.name: -(-taken.get(host.pool_name, 0) * host.size // sizes[host.pool_name]) for host in fleet.hosts}


def read_occupancy(*, seconds: float = SECONDS, api_url: str = "", api_username: str = "") -> Occupancy:
    """Return how full all pools are.

    The metadata database is asked where this process has one (a task or a DAG file of Airflow 3 has
    none), else the API server at `[balancer] api_url`.

    Args:
        seconds: How long all of it may take: connecting, logging in, every page.
        api_url: An API server that is asked in place of both.
        api_username: Who logs in there; default: `[balancer] api_username`.

    Raises:
        UnavailableError: Nobody can say, or not in time; the text says why.
        ConfigurationError: An option of section `[balancer]` cannot be read.
    """
    reasons: list[str] = []
    left = seconds
    for source in _sources(reasons, seconds, api_url, api_username):
        began = monotonic()
        try:
            return Occupancy(source.name, live.within(left, source.name, source.read))
        except UnavailableError as error:
            reasons.append(str(error))
        left -= monotonic() - began
    raise UnavailableError("; ".join(reasons))


class _Source(NamedTuple):
    name: str
    read: Callable[[], dict[str, PoolOccupancy]]


def _sources(reasons: list[str], seconds: float, api_url: str, api_username: str) -> Iterator[_Source]:
    """Yield those who may be asked, in their order, and note why others may not."""
    if has_airflow() and not api_url:
        try:
            engine = live.metadata_engine()
        except UnavailableError as error:
            reasons.append(str(error))
        else:
            yield _Source("the metadata database", lambda: _read_database(engine, seconds))
    settings = current_settings()
    url = api_url or settings.api_url
    if url:
        session = open_api(replace(settings, api_url=url, api_username=api_username or settings.api_username), seconds=seconds)
        yield _Source(f"the API server at {url}", lambda: _read_api(session))
    elif not reasons:
        reasons.append(_NOWHERE)


def _read_database(engine: Engine, seconds: float) -> dict[str, PoolOccupancy]:
    with live.metadata_connection(engine) as connection:
        if connection.dialect.name == "postgresql":
            # So that what is given up here ends there as well: a statement may wait for another's lock.
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {math.ceil(1000 * seconds)}")
        return count_slots(connection)


def _read_api(session: RestApi) -> dict[str, PoolOccupancy]:
    with session:
        try:
            return session.read_occupancy()
        except (KeyError, TypeError) as error:
            raise UnavailableError(f"{session}: its pools have no {error}, as those of an Airflow 3 have") from None


def count_slots(connection: Connection) -> dict[str, PoolOccupancy]:
    """Return the slots of each pool, counted as Airflow's `Pool.slots_stats` does, in two queries."""
    from sqlalchemy import column, func, select, table

    pools = table("slot_pool", column("pool"), column("slots"), column("include_deferred"))
    tasks = table("task_instance", column("pool"), column("state"), column("pool_slots"))
    counts: dict[str, dict[str, int]] = {}
    query = select(tasks.c.pool, tasks.c.state, func.sum(tasks.c.pool_slots)).where(tasks.c.state.in_(_COUNTED))
    for pool, state, slots in connection.execute(query.group_by(tasks.c.pool, tasks.c.state)):
        counts.setdefault(pool, {})[state] = int(slots)
    rows = connection.execute(select(pools.c.pool, pools.c.slots, pools.c.include_deferred))
    return {pool: _pool(total, counts.get(pool, {}), deferred=bool(deferred)) for pool, total, deferred in rows}


def _pool(total: int, counts: Mapping[str, int], *, deferred: bool) -> PoolOccupancy:
    by_state = {state: counts.get(state, 0) for state in _COUNTED}
    taken = by_state["running"] + by_state["queued"] + (by_state["deferred"] if deferred else 0)
    return PoolOccupancy(None if total == INFINITE else total, **by_state, taken=taken)
