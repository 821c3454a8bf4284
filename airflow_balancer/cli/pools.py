"""`airflow-balancer pools`: what Airflow's pools and connections lack, and writing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..airflow import versions
from ..airflow.pools import pool_rows, wanted_pools
from ..airflow.target import current_options, open_target
from ..errors import ConfigurationError
from ..fleet.fleet import Fleet

__all__ = ("PoolsRequest", "pools_report", "synced_fleets")


class PoolsRequest(NamedTuple):
    """What is asked: whether to write, whether to delete what is orphaned as well, and of which API server."""

    apply: bool = False
    prune: bool = False
    api_url: str = ""
    api_username: str = ""

    @property
    def writes(self) -> bool:
        """Whether anything is written: to prune is to apply, and to delete what is left over."""
        return self.apply or self.prune


def synced_fleets() -> dict[str, Fleet]:
    """Return the fleets that this machine's Airflow keeps its pools to, by the files they come from.

    Raises:
        ConfigurationError: One of them is wrong, or there is none.
    """
    if not versions.has_airflow():
        raise ConfigurationError("no configuration is given, and Airflow, which would have some, is not installed here")
    from ..airflow.sync import find_fleets

    fleets, problems = find_fleets()
    if problems:
        raise ConfigurationError(problems)
    if not fleets:
        raise ConfigurationError("there is no balancer's YAML in the DAGs folder; give one, or name it in [balancer] config_path")
    return fleets


def pools_report(fleets: Mapping[str, Fleet], request: PoolsRequest) -> dict[str, Any]:
    """Compare the pools and connections that the fleets want with Airflow's, and write them where that is asked.

    Args:
        fleets: The fleets, by the files they come from.
        request: What is asked. Pruning spares what the other configurations want that this machine's Airflow syncs.

    Raises:
        ConfigurationError: The fleets contradict each other or do not fit Airflow, or there is no Airflow.
        BalancerError: Airflow cannot be reached, or refuses.
    """
    options = current_options(api_url=request.api_url, api_username=request.api_username)
    if request.prune and not options.api_url and versions.has_airflow():
        fleets = {**_others(), **fleets}
    with open_target(options) as target:
        plans = target.apply(fleets, prune=request.prune) if request.writes else target.plan(fleets)
    return {
        "pools": pool_rows(plans.pools, wanted_pools(fleets)),
        "connections": plans.connections.rows(),
        "unchanged": len(plans.pools.unchanged) + len(plans.connections.unchanged),
        "applied": request.writes,
        "differs": plans.differs() and not request.writes,
    }


def _others() -> dict[str, Fleet]:
    from ..airflow.sync import find_fleets

    fleets, problems = find_fleets()
    if problems:
        raise ConfigurationError(problems)
    return fleets
