"""Which of Airflow's pools are not as a configuration says."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ..airflow.live import metadata_connection
from ..airflow.pools import WantedPool, wanted_pools
from ..airflow.targets import current_settings, has_airflow, open_api
from ..errors import BalancerError, ConfigurationError, UnavailableError
from ..fleet.pools import PoolSlots
from .catalogue import Catalogue
from .models import ConfigurationQuery, PoolChange, PoolsAnswer
from .opened import Opened

__all__ = ("pools",)

Wanted = Mapping[str, WantedPool]


def pools(catalogue: Catalogue, query: ConfigurationQuery) -> PoolsAnswer:
    """Return how Airflow's pools differ from a configuration, and the command that mends it."""
    opened = catalogue.open(query.configuration, query.environment)
    command = _command(opened)
    wanted = wanted_pools({opened.configuration.name: opened.fleet})
    try:
        plan = _plan(wanted)
    except BalancerError as error:
        return PoolsAnswer(available=False, why=str(error), command=command)
    others = _wanted_by_others(catalogue, opened)
    changes = [change for change in _changes(plan, wanted) if change.change != "orphaned" or change.name not in others]
    kept = sum(change.change == "kept" for change in changes)
    return PoolsAnswer(available=True, changes=changes, unchanged=len(plan.unchanged) - kept, command=command)


def _command(opened: Opened) -> str:
    configuration = opened.configuration
    overrides = opened.masked(list(configuration.overrides_for(opened.environment)))
    return shlex.join(["airflow-balancer", "pools", configuration.name, *overrides, "apply=true"])


def _plan(wanted: Wanted) -> Any:
    if not has_airflow():
        return _plan_through_api(wanted)
    from ..airflow.metadata import read_pools
    from ..airflow.pools import plan_pools

    with metadata_connection() as connection:
        return plan_pools(wanted, read_pools(connection))


def _plan_through_api(wanted: Wanted) -> Any:
    settings = current_settings()
    if not settings.api_url:
        raise UnavailableError("there is no Airflow here; give the address of its API server in AIRFLOW__BALANCER__API_URL")
    with open_api(settings) as api:
        return api.plan_pools(wanted)


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


def _changes(plan: Any, wanted: Wanted) -> Iterator[PoolChange]:
    def row(change: Any, pool: PoolSlots, slots: int | None, asked: int | None, note: str = "") -> PoolChange:
        return PoolChange(change=change, name=pool.name, slots=slots, wanted=asked, note=note or plan.notes.get(pool.name, ""))

    for pool in plan.create:
        yield row("create", pool, None, pool.slots)
    for update in plan.update:
        yield row("update", update.after, update.before.slots, update.after.slots)
    for pool in plan.orphaned:
        yield row("orphaned", pool, pool.slots, None, "no configuration wants it; prune=true deletes it")
    for pool in plan.unchanged:
        if pool.name in plan.notes:
            yield row("kept", pool, pool.slots, wanted[pool.name].pool.slots)
