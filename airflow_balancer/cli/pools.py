"""`airflow-balancer pools`: what Airflow's pools and connections lack, and writing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..airflow import connections
from ..airflow.plan import Plan
from ..airflow.settings import BalancerSettings
from ..airflow.targets import current_settings, has_airflow, open_target
from ..errors import ConfigurationError
from ..fleet.fleet import Fleet
from ..fleet.pools import PoolSlots

__all__ = ("PoolsRequest", "pools_report", "synced_fleets")

_ORPHANED = "no configuration wants it; prune=true deletes it"


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
    if not has_airflow():
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
    settings = _settings(request)
    if request.prune and not settings.api_url and has_airflow():
        fleets = {**_others(), **fleets}
    with open_target(settings) as target:
        plans = target.apply(fleets, prune=request.prune) if request.writes else target.plan(fleets)
    return {
        "pools": [*_rows(plans.pools, PoolSlots._asdict, slots=True)],
        "connections": [*_rows(plans.connections, connections.shown, slots=False)],
        "unchanged": len(plans.pools.unchanged) + len(plans.connections.unchanged),
        "applied": request.writes,
        "differs": plans.differs() and not request.writes,
    }


def _settings(request: PoolsRequest) -> BalancerSettings:
    settings = current_settings()
    return replace(
        settings,
        api_url=request.api_url or settings.api_url,
        api_username=request.api_username or settings.api_username,
    )


def _others() -> dict[str, Fleet]:
    from ..airflow.sync import find_fleets

    fleets, problems = find_fleets()
    if problems:
        raise ConfigurationError(problems)
    return fleets


def _rows(plan: Plan[Any], shown: Any, *, slots: bool) -> Iterator[dict[str, Any]]:
    for change in plan.changes(shown):
        kept = change["action"] == "unchanged"
        if kept and not change["note"]:
            continue
        counts = {"slots": _slots(change["before"]), "wanted": None if kept else _slots(change["after"])} if slots else {}
        note = _ORPHANED if change["action"] == "orphaned" else change["note"]
        yield {"change": "kept" if kept else change["action"], "name": change["name"], **counts, "note": note}


def _slots(shown: Mapping[str, Any] | None) -> int | None:
    return None if shown is None else shown["slots"]
