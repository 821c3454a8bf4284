"""Airflow's pools on the page: their occupancy, and how they differ from a configuration."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ..airflow.occupancy import SECONDS, read_occupancy
from ..airflow.pools import plan_pools, pool_rows, wanted_pools
from ..airflow.target import current_options, read_target
from ..airflow.teams import without_teams
from ..errors import BalancerError, ConfigurationError
from ..fleet.masking import mask_text
from .catalogue import Catalogue
from .models.airflow import OccupancyAnswer, OccupancyRow, PoolRow, PoolsAnswer
from .models.requests import ConfigurationQuery, NoQuery
from .opened import Opened

if TYPE_CHECKING:
    from ..airflow.options import SectionOptions


def occupancy(_: Catalogue, __: NoQuery) -> OccupancyAnswer:
    """Return the occupancy of all pools, or why it cannot be read."""
    try:
        read = read_occupancy()
    except BalancerError as error:
        return OccupancyAnswer(available=False, why=str(error))
    pools = {name: OccupancyRow.model_validate(pool, from_attributes=True) for name, pool in read.pools.items()}
    return OccupancyAnswer(available=True, pools=pools)


def pools(catalogue: Catalogue, query: ConfigurationQuery) -> PoolsAnswer:
    """Return how Airflow's pools differ from a configuration, and the command that brings them in line."""
    opened = catalogue.open(query.configuration, query.environment)
    wanted = wanted_pools({opened.configuration.name: opened.fleet})
    try:
        options = current_options()
        current = read_target(options, lambda target: target.read_pools(), seconds=SECONDS)
    except BalancerError as error:
        return PoolsAnswer(available=False, why=str(error), command=_command(opened, "apply=true"))
    plan = plan_pools(without_teams(wanted)[0], current)
    others = _wanted_by_others(catalogue, opened)
    rows = [row for row in pool_rows(plan, wanted) if row["change"] != "orphaned" or row["name"] not in others]
    differing = {row["name"] for row in rows}
    same = [PoolRow(change="same", name=p.name, slots=p.slots, wanted=p.slots, note="") for p in plan.unchanged if p.name not in differing]
    orphaned = any(row["change"] == "orphaned" for row in rows)
    return PoolsAnswer(
        available=True,
        changes=[PoolRow(**row) for row in rows],
        same=same,
        unchanged=len(same),
        command=_command(opened, "apply=true", options),
        prune=_command(opened, "prune=true", options) if orphaned else "",
    )


def _command(opened: Opened, action: str, options: SectionOptions | None = None) -> str:
    """Return the command that changes the pools of the Airflow that the page reads."""
    configuration = opened.configuration
    overrides = opened.masked(list(configuration.overrides_for(opened.environment)))
    server = {"api_url": mask_text(options.api_url), "api_username": options.api_username} if options and options.api_url else {}
    keys = [f"{key}={value}" for key, value in server.items() if value]
    return shlex.join(["airflow-balancer", "pools", configuration.name, *overrides, action, *keys])


def _wanted_by_others(catalogue: Catalogue, opened: Opened) -> set[str]:
    """Return the pools that other configurations want, which are no orphans."""
    names: set[str] = set()
    for identity in catalogue.look().configurations:
        if identity != opened.configuration.id:
            try:
                names.update(pool.name for pool in catalogue.open(identity).fleet.pools)
            except (ConfigurationError, LookupError):
                continue
    return names
