"""`airflow-balancer pools`: what Airflow's pools and connections lack, and applying it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import BalancerError, ConfigurationError
from ..fleet import Fleet
from .connections import variable_keys, wanted_connections
from .plan import Plan
from .pools import wanted_pools
from .settings import BalancerSettings, environment_option, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .api import RestApi
    from .targets import Plans

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


class MetadataError(BalancerError):
    """The metadata database cannot be used."""


def _has_airflow() -> bool:
    spec = find_spec("airflow")
    return spec is not None and spec.origin is not None


def _settings() -> BalancerSettings:
    if not _has_airflow():
        return read_settings(environment_option)
    from .versions import option

    return read_settings(option)


def synced_fleets() -> dict[str, Fleet]:
    """Return the fleets that this machine's Airflow keeps its pools to.

    Raises:
        ConfigurationError: One of them is wrong, or there is none.
    """
    if not _has_airflow():
        raise ConfigurationError("no configuration is given, and Airflow, which would have some, is not installed here")
    from .sync import find_fleets

    fleets, problems = find_fleets()
    if problems:
        raise ConfigurationError(problems)
    if not fleets:
        raise ConfigurationError("there is no balancer's YAML in the DAGs folder; give one, or name it in [balancer] config_path")
    return fleets


def pools_report(fleets: Mapping[str, Fleet], request: PoolsRequest) -> dict[str, Any]:
    """Compare the pools and connections that the fleets want with Airflow's, and write them where that is asked.

    Args:
        fleets: The fleets; the keys say where each comes from.
        request: What is asked.

    Raises:
        ConfigurationError: The fleets contradict each other, or do not fit Airflow.
        BalancerError: Neither a metadata database nor an API server can be used.
    """
    settings = _settings()
    url = request.api_url or settings.api_url
    pools, connections = (
        _through_api(url, request.api_username or settings.api_username, settings.api_password, fleets, request)
        if url
        else _through_database(fleets, request)
    )
    differs = pools.differs(prune=request.prune) or connections.differs(prune=request.prune)
    return {
        "pools": [*_rows(pools, slots=True)],
        "connections": [*_rows(connections, slots=False)],
        "unchanged": len(pools.unchanged) + len(connections.unchanged),
        "applied": request.writes,
        "differs": differs and not request.writes,
    }


def _through_api(
    url: str, username: str | None, password: str | None, fleets: Mapping[str, Fleet], request: PoolsRequest
) -> tuple[Plan[Any], Plan[Any]]:
    try:
        from .api import RestApi
    except ImportError:
        raise MetadataError("asking an API server needs httpx: pip install 'airflow-balancer[api]'") from None

    with RestApi(url, username=username, password=password) as api:
        pools, connections = wanted_pools(fleets), _api_connections(api, fleets)
        if not request.writes:
            return api.plan_pools(pools), api.plan_connections(connections)
        return api.apply_pools(pools, prune=request.prune), api.apply_connections(connections, prune=request.prune)


def _api_connections(api: RestApi, fleets: Mapping[str, Fleet]) -> dict[str, Any]:
    return wanted_connections(fleets, api.read_variables(variable_keys(fleets)))


def _through_database(fleets: Mapping[str, Fleet], request: PoolsRequest) -> Plans:
    if not _has_airflow():
        raise MetadataError("there is no metadata database: Airflow is not installed here; give its API server with api_url=https://...")
    from .sync import apply_patiently, own_transaction, plan_fleets

    with _readable_failures():
        if request.writes:
            return apply_patiently(fleets, prune=request.prune)
        with own_transaction() as connection:
            return plan_fleets(connection, fleets)


@contextmanager
def _readable_failures() -> Iterator[None]:
    """Say what the database says, without the statement: its parameters hold secrets."""
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        text = str(error.orig).strip().splitlines()[0]
        raise MetadataError(f"the metadata database refuses: {text}; `airflow db check` tells more") from None


def _rows(plan: Plan[Any], *, slots: bool) -> Iterator[dict[str, Any]]:
    def row(change: str, name: str, before: Any, after: Any, note: str = "") -> dict[str, Any]:
        counts = {"slots": before and before.slots, "wanted": after and after.slots} if slots else {}
        return {"change": change, "name": name, **counts, "note": note or plan.notes.get(name, "")}

    for item in plan.create:
        yield row("create", item.name, None, item)
    for update in plan.update:
        yield row("update", update.after.name, update.before, update.after)
    for item in plan.orphaned:
        yield row("orphaned", item.name, item, None, "no configuration wants it; prune=true deletes it")
    for item in plan.unchanged:
        with suppress(KeyError):
            yield row("kept", item.name, item, None, plan.notes[item.name])
