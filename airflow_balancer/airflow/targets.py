"""Where a plan goes: into the metadata database of this Airflow, or through the REST API of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..errors import BalancerError, ConfigurationError, UnavailableError
from ..fleet.fleet import Fleet
from ..fleet.pools import PoolSlots
from .connections import SshConnection, variable_keys, wanted_connections
from .plan import Plan
from .pools import wanted_pools
from .settings import BalancerSettings, environment_option, read_settings

if TYPE_CHECKING:
    from .api import RestApi

__all__ = ("Plans", "Target", "current_settings", "has_airflow", "open_api", "open_target")


class Plans(NamedTuple):
    """What was applied, or would be: to the pools, and to the connections."""

    pools: Plan[PoolSlots]
    connections: Plan[SshConnection]

    def differs(self, *, prune: bool = False) -> bool:
        """Return whether applying the plans writes anything."""
        return self.pools.differs(prune=prune) or self.connections.differs(prune=prune)


class Target(Protocol):
    """An Airflow whose pools and connections are compared with the fleets, and changed.

    Both verbs raise ConfigurationError where the fleets contradict each other or do not fit Airflow, and
    BalancerError where Airflow cannot be reached or refuses.
    """

    def plan(self, fleets: Mapping[str, Fleet]) -> Plans:
        """Return what `apply` would write."""

    def apply(self, fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
        """Make pools and connections what the `fleets` want; with `prune`, delete those that they no longer want."""


def current_settings() -> BalancerSettings:
    """Return the options of section `[balancer]`: of airflow.cfg where Airflow is installed, else of the environment.

    Raises:
        ConfigurationError: An option cannot be read.
    """
    if not has_airflow():
        return read_settings(environment_option)
    from .versions import option

    return read_settings(option)


def open_api(settings: BalancerSettings, *, seconds: float = 60.0) -> RestApi:
    """Return a session with the API server at `api_url`; each step of a request may take so many seconds.

    Raises:
        UnavailableError: httpx is not installed.
    """
    try:
        from .api import RestApi
    except ImportError:
        raise UnavailableError("asking an API server needs httpx: pip install 'airflow-balancer[api]'") from None
    return RestApi(settings.api_url or "", username=settings.api_username, password=settings.api_password, seconds=seconds)


@contextmanager
def open_target(settings: BalancerSettings) -> Iterator[Target]:
    """Give the API server at `api_url` where it is set, else the metadata database of the Airflow that is installed.

    Raises:
        ConfigurationError: There is neither.
        UnavailableError: An API server cannot be asked here.
    """
    if settings.api_url:
        with open_api(settings) as api:
            yield _ApiServer(api)
    elif has_airflow():
        yield _MetadataDatabase()
    else:
        message = "there is no Airflow here; give the address of its API server with api_url=https://..., or in [balancer] api_url"
        raise ConfigurationError(message)


def has_airflow() -> bool:
    """Return whether Airflow is installed here."""
    # Not `airflow` alone: any folder of that name on the path would do.
    return find_spec("airflow") is not None and find_spec("airflow.models") is not None


class _ApiServer:
    def __init__(self, api: RestApi) -> None:
        self._api = api

    def _wanted_connections(self, fleets: Mapping[str, Fleet]) -> dict[str, SshConnection]:
        return wanted_connections(fleets, self._api.read_variables(variable_keys(fleets)))

    def plan(self, fleets: Mapping[str, Fleet]) -> Plans:
        pools = self._api.plan_pools(wanted_pools(fleets))
        return Plans(pools, self._api.plan_connections(self._wanted_connections(fleets)))

    def apply(self, fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
        pools, connections = wanted_pools(fleets), self._wanted_connections(fleets)
        return Plans(self._api.apply_pools(pools, prune=prune), self._api.apply_connections(connections, prune=prune))


class _MetadataDatabase:
    def plan(self, fleets: Mapping[str, Fleet]) -> Plans:
        from . import sync

        with _database_errors(), sync.own_transaction() as connection:
            return sync.plan_fleets(connection, fleets)

    def apply(self, fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
        from . import sync

        with _database_errors():
            return sync.apply_patiently(fleets, prune=prune)


@contextmanager
def _database_errors() -> Iterator[None]:
    from sqlalchemy.exc import DBAPIError

    from .metadata import refusal

    try:
        yield
    except DBAPIError as error:
        raise BalancerError(refusal(error.orig)) from None
