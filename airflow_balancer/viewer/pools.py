"""Airflow's pools on the page: how full they are, and which are not as a configuration says."""

from __future__ import annotations

import shlex

from ..airflow.occupancy import SECONDS, read_occupancy
from ..airflow.pools import plan_pools, pool_rows, wanted_pools
from ..airflow.target import current_options, read_target
from ..airflow.teams import without_teams
from ..errors import BalancerError, ConfigurationError
from .catalogue import Catalogue
from .models import ConfigurationQuery, NoQuery, OccupancyAnswer, OccupancyRow, PoolRow, PoolsAnswer
from .opened import Opened


def occupancy(_: Catalogue, __: NoQuery) -> OccupancyAnswer:
    """Return the occupancy of all pools; if it cannot be read, why."""
    try:
        read = read_occupancy()
    except BalancerError as error:
        return OccupancyAnswer(available=False, why=str(error))
    shown = ("total", "running", "queued", "deferred", "scheduled", "open")
    pools = {name: OccupancyRow(**{key: getattr(pool, key) for key in shown}) for name, pool in read.pools.items()}
    return OccupancyAnswer(available=True, pools=pools)


def pools(catalogue: Catalogue, query: ConfigurationQuery) -> PoolsAnswer:
    """Return how Airflow's pools differ from a configuration, and the command that mends it."""
    opened = catalogue.open(query.configuration, query.environment)
    command = _command(opened)
    wanted = wanted_pools({opened.configuration.name: opened.fleet})
    try:
        current = read_target(current_options(), lambda target: target.read_pools(), seconds=SECONDS)
    except BalancerError as error:
        return PoolsAnswer(available=False, why=str(error), command=command)
    plan = plan_pools(without_teams(wanted)[0], current)
    others = _wanted_by_others(catalogue, opened)
    rows = [row for row in pool_rows(plan, wanted) if row["change"] != "orphaned" or row["name"] not in others]
    kept = sum(row["change"] == "kept" for row in rows)
    changes = [PoolRow(**row) for row in rows]
    return PoolsAnswer(available=True, changes=changes, unchanged=len(plan.unchanged) - kept, command=command)


def _command(opened: Opened) -> str:
    configuration = opened.configuration
    overrides = opened.masked(list(configuration.overrides_for(opened.environment)))
    return shlex.join(["airflow-balancer", "pools", configuration.name, *overrides, "apply=true"])


def _wanted_by_others(catalogue: Catalogue, opened: Opened) -> set[str]:
    """Return the pools that the other configurations want: to those they are no orphans."""
    names: set[str] = set()
    for identity in catalogue.look().configurations:
        if identity != opened.configuration.id:
            try:
                names.update(pool.name for pool in catalogue.open(identity).fleet.pools)
            except (ConfigurationError, LookupError):
                continue
    return names
