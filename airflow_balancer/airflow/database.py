"""This process's metadata database: opens connections, and makes and applies the plans for fleets."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from ..errors import UnavailableError
from ..fleet.fleet import Fleet
from ..fleet.pools import PoolSlots
from . import metadata, versions
from .connections import Plans, SshConnection, plan_connections, variable_keys, wanted_connections
from .pools import Plan, PoolOccupancy, WantedPool, wanted_pools
from .teams import name_teams, of_known_teams, without_teams

T = TypeVar("T")
_TRIES = 5
_TRY_MILLISECONDS = 10_000


def open_engine() -> Engine:
    """Return the engine of the metadata database, without connecting.

    Raises:
        UnavailableError: This process has no metadata database, or the SQLite file does not exist: connecting would create it.
    """
    try:
        engine = versions.engine()
    except SQLAlchemyError as error:
        raise _refused(error) from None
    except (ImportError, RuntimeError) as error:
        raise UnavailableError(f"{error}; give the address of the API server in [balancer] api_url") from None
    url = engine.url
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        raise UnavailableError("Airflow's metadata database does not exist yet: airflow db migrate")
    return engine


@contextmanager
def read_connection(seconds: float | None = None) -> Iterator[Connection]:
    """Yield a connection to the metadata database, and roll back its transaction at the end.

    Args:
        seconds: PostgreSQL's timeout for each statement; None for no limit.

    Raises:
        UnavailableError: This process has no metadata database, or the database refuses.
    """
    engine = open_engine()
    try:
        with engine.connect() as connection:
            if seconds and connection.dialect.name == "postgresql":
                # A statement that the caller gives up on must end in the server, too: it may be waiting for a lock.
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {math.ceil(1000 * seconds)}")
            yield connection
    except SQLAlchemyError as error:
        raise _refused(error) from None


def _refused(error: SQLAlchemyError) -> UnavailableError:
    # Show only the driver's error: SQLAlchemy's may contain the database's URL or a statement's values.
    original = getattr(error, "orig", None)
    return UnavailableError(metadata.refusal(original) if original else f"the metadata database refuses ({type(error).__name__})")


class MetadataDatabase:
    """The metadata database as a `Target`; `seconds` limits each statement that reads."""

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds

    def read_pools(self) -> list[PoolSlots]:
        """Return all pools."""
        with read_connection(self._seconds) as connection:
            return metadata.read_pools(connection)

    def read_occupancy(self) -> dict[str, PoolOccupancy]:
        """Return the pools' current occupancy by name."""
        with read_connection(self._seconds) as connection:
            return metadata.read_occupancy(connection)

    def plan(self, fleets: Mapping[str, Fleet]) -> Plans:
        """Return the plans that `apply` would carry out."""
        with read_connection(self._seconds) as connection:
            return plan_fleets(connection, fleets)

    def apply(self, fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
        """Bring pools and connections to what the `fleets` want; see `apply_patiently`."""
        open_engine()
        try:
            return apply_patiently(fleets, prune=prune)
        except SQLAlchemyError as error:
            raise _refused(error) from None


def plan_fleets(connection: Connection, fleets: Mapping[str, Fleet]) -> Plans:
    """Return the plans that `apply_fleets` would carry out.

    Raises:
        ConfigurationError: The fleets disagree on a connection, or want one that Airflow cannot hold.
    """
    variables = _variables(connection, variable_keys(fleets))
    wanted, warnings = _wanted(connection, fleets)
    pools = replace(metadata.plan_with_users(connection, wanted), warnings=warnings)
    current = metadata.read_connections(connection, versions.cipher())
    return Plans(pools, plan_connections(wanted_connections(fleets, variables), current))


def apply_fleets(connection: Connection, fleets: Mapping[str, Fleet]) -> Plans:
    """Bring pools, then connections, to what the `fleets` want.

    Args:
        connection: A connection whose transaction the caller commits.
        fleets: The fleets by origin.

    Raises:
        ConfigurationError: The fleets disagree on a connection, or want one that Airflow cannot hold; no connection is written.
        sqlalchemy.exc.DBAPIError: The database refuses; no pool, or no connection, is written.
    """
    return Plans(_apply_pools(connection, fleets), _apply_connections(connection, fleets))


def apply_patiently(fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
    """Apply pools and connections in a transaction each, and retry if another process holds a lock for too long.

    With `prune`, delete orphans. Raises the same errors as `apply_fleets`.
    """
    patience = _TRY_MILLISECONDS
    pools = _patiently(lambda connection: _apply_pools(connection, fleets, prune=prune, patience=patience))
    return Plans(pools, _patiently(lambda connection: _apply_connections(connection, fleets, prune=prune, patience=patience)))


def _patiently(apply: Callable[[Connection], T]) -> T:
    for attempt in range(1, _TRIES):
        with suppress(OperationalError), versions.engine().begin() as connection:
            return apply(connection)
        time.sleep(0.1 * attempt)
    with versions.engine().begin() as connection:
        return apply(connection)


def _wanted(connection: Connection, fleets: Mapping[str, Fleet]) -> tuple[Mapping[str, WantedPool], tuple[str, ...]]:
    """Return the pools that the fleets want, and a warning for each team that this Airflow ignores."""
    wanted = wanted_pools(fleets)
    if not name_teams(wanted):
        return wanted, ()
    if not versions.has_teams():
        return without_teams(wanted)
    with connection.begin_nested():
        return of_known_teams(wanted, metadata.read_teams(connection)), ()


def _apply_pools(
    connection: Connection, fleets: Mapping[str, Fleet], *, prune: bool = False, patience: int = metadata.PATIENCE
) -> Plan[PoolSlots]:
    wanted, warnings = _wanted(connection, fleets)
    return replace(metadata.apply_pools(connection, wanted, prune=prune, patience=patience), warnings=warnings)


def _apply_connections(
    connection: Connection, fleets: Mapping[str, Fleet], *, prune: bool = False, patience: int = metadata.PATIENCE
) -> Plan[SshConnection]:
    if not prune and not any(fleet.settings.create_connection for fleet in fleets.values()):
        return Plan()
    with connection.begin_nested():
        variables = _variables(connection, variable_keys(fleets))
    wanted = wanted_connections(fleets, variables)
    return metadata.apply_connections(connection, wanted, versions.cipher(), prune=prune, patience=patience)


def _variables(connection: Connection, keys: set[str]) -> dict[str, str]:
    """Return Airflow Variables from the environment, then from the database; other secrets backends are not read."""
    given = {key: value for key in keys if (value := os.environ.get(f"AIRFLOW_VAR_{key.upper()}")) is not None}
    missing = keys - given.keys()
    return {**(metadata.read_variables(connection, missing, versions.cipher()) if missing else {}), **given}
