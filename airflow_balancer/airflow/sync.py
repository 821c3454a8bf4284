"""Brings Airflow's pools and connections to what the configurations want: reads, merges, applies, complains once."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import BalancerError, ConfigurationError, Problem
from ..files.scan import Snapshot, take_snapshot
from ..fleet.fleet import Fleet
from . import metadata, versions
from .connections import SshConnection, plan_connections, variable_keys, wanted_connections
from .plan import Plan
from .pools import plan_pools, wanted_pools
from .settings import BalancerSettings, read_settings
from .sources import Source, find_sources, named_source, watched_roots
from .targets import Plans

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ("Sync", "apply_fleets", "apply_patiently", "find_fleets", "load_sources", "own_transaction", "plan_fleets", "without_code_of")

T = TypeVar("T")
Load = Callable[[Path, Sequence[str]], Fleet]
log = logging.getLogger("airflow_balancer")
_RETRY_SECONDS = 5.0
"""The pause before what the database refused is tried again."""
_TRIES = 5
_TRY_MILLISECONDS = 10_000


def load_sources(sources: Sequence[Source], load: Load) -> tuple[dict[str, Fleet], list[Problem]]:
    """Compose each of the `sources`; one that is wrong gives a problem, and the others are loaded.

    Args:
        sources: The configurations.
        load: Composes a configuration as data: nothing of it is instantiated.
    """
    fleets, problems = {}, []
    for source in sources:
        origin = str(source.path)
        try:
            fleets[origin] = load(source.path, source.overrides)
        except ConfigurationError as error:
            problems += [problem if problem.origin else replace(problem, origin=origin) for problem in error.problems]
        except Exception as error:  # whatever is wrong with one file, the others count
            problems.append(Problem(f"cannot be composed: {type(error).__name__}: {error}", origin=origin))
    return fleets, problems


def plan_fleets(connection: Connection, fleets: Mapping[str, Fleet]) -> Plans:
    """Return what `apply_fleets` would write.

    Raises:
        ConfigurationError: The fleets contradict each other, or do not fit Airflow.
    """
    cipher = versions.cipher()
    variables = _variables(connection, variable_keys(fleets))
    pools = plan_pools(wanted_pools(fleets), metadata.read_pools(connection))
    return Plans(pools, plan_connections(wanted_connections(fleets, variables), metadata.read_connections(connection, cipher)))


def apply_fleets(connection: Connection, fleets: Mapping[str, Fleet]) -> Plans:
    """Make pools and connections what the `fleets` want; all of the pools first, then all of the connections.

    Args:
        connection: A connection whose transaction the caller commits.
        fleets: The fleets; the keys say where each comes from.

    Raises:
        ConfigurationError: The fleets contradict each other, or do not fit Airflow: nothing of that kind is written.
        sqlalchemy.exc.DBAPIError: The database refuses: nothing of that kind is written.
    """
    return Plans(metadata.apply_pools(connection, wanted_pools(fleets)), _apply_connections(connection, fleets))


def _apply_connections(
    connection: Connection, fleets: Mapping[str, Fleet], *, prune: bool = False, patience: int = metadata.PATIENCE
) -> Plan[SshConnection]:
    if not prune and not any(fleet.settings.create_connection for fleet in fleets.values()):
        return Plan()
    cipher = versions.cipher()
    with connection.begin_nested():
        variables = _variables(connection, variable_keys(fleets))
    return metadata.apply_connections(connection, wanted_connections(fleets, variables), cipher, prune=prune, patience=patience)


def _variables(connection: Connection, keys: set[str]) -> dict[str, str]:
    """Return Airflow Variables from where Airflow has them, the environment first; other secrets backends are not asked."""
    given = {key: value for key in keys if (value := os.environ.get(f"AIRFLOW_VAR_{key.upper()}")) is not None}
    missing = keys - given.keys()
    return {**(metadata.read_variables(connection, missing, versions.cipher()) if missing else {}), **given}


@contextmanager
def own_transaction() -> Iterator[Connection]:
    """Give a connection to the metadata database whose transaction is committed at the end."""
    with versions.engine().begin() as connection:
        yield connection


def apply_patiently(fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
    """Apply the pools in a transaction of their own, then the connections; with `prune`, delete what is orphaned.

    Each is tried again where another process held a lock for too long.

    Raises:
        ConfigurationError: As `apply_fleets`.
        sqlalchemy.exc.DBAPIError: As `apply_fleets`.
    """
    wanted, patience = wanted_pools(fleets), _TRY_MILLISECONDS
    pools = _patiently(lambda connection: metadata.apply_pools(connection, wanted, prune=prune, patience=patience))
    return Plans(pools, _patiently(lambda connection: _apply_connections(connection, fleets, prune=prune, patience=patience)))


def _patiently(apply: Callable[[Connection], T]) -> T:
    from sqlalchemy.exc import OperationalError

    for attempt in range(1, _TRIES + 1):
        try:
            with own_transaction() as connection:
                return apply(connection)
        except OperationalError:
            if attempt == _TRIES:
                raise
            time.sleep(0.1 * attempt)
    raise AssertionError


class Sync:
    """What one process knows of the configurations, so that unchanged files cost only a look at them."""

    def __init__(self, load: Load | None = None) -> None:
        self._load = load or _load_fleet
        self._settings: BalancerSettings | None = None
        self._snapshot: Snapshot | None = None
        self._fleets: dict[str, Fleet] = {}
        self._due = False
        self._not_before = 0.0
        self._said: set[str] = set()

    def at_start(self) -> None:
        """Make pools and connections, in transactions of their own; raises nothing."""
        self._guarded(lambda: apply_patiently(self._fleets))

    def at_run(self, dag_run: object) -> None:
        """Do the same in the transaction of a DAG run's session, without waiting for others; raises nothing."""
        self._guarded(lambda: apply_fleets(versions.session_connection(dag_run), self._fleets))

    def _guarded(self, apply: Callable[[], Plans]) -> None:
        problems: list[Problem] = []
        try:
            problems += self._look()
            if self._due and time.monotonic() >= self._not_before:
                self._not_before = time.monotonic() + _RETRY_SECONDS
                self._report(apply())
                self._due, self._not_before = False, 0.0
        except ConfigurationError as error:
            problems += error.problems
        except Exception as error:  # a scheduler goes on, whatever happens here
            problems.append(Problem(_refusal(error)))
        self._complain(problems)

    def _look(self) -> list[Problem]:
        """Compose the configurations again where a file changed, and return what is wrong with them."""
        if self._settings is None:
            self._settings = read_settings(versions.option)
        if not self._settings.sync or (self._snapshot and self._snapshot.still_true()):
            return []
        folders = versions.dag_folders()
        before, self._snapshot = self._snapshot, take_snapshot(watched_roots(self._settings, folders))
        if before and before.files == self._snapshot.files:
            return []
        self._fleets, self._not_before = {}, 0.0
        sources, problems = _sources(self._settings, folders, self._snapshot)
        self._fleets, wrong = load_sources(sources, self._load)
        self._due = bool(self._fleets)
        # What was mended is said again when it breaks again.
        self._said.intersection_update(map(str, [*problems, *wrong]))
        return [*problems, *wrong]

    def _complain(self, problems: Sequence[Problem]) -> None:
        new = [text for text in map(str, problems) if text not in self._said]
        self._said.update(new)
        for text in new:
            log.error("airflow-balancer: %s", text)
        if new:
            log.error("airflow-balancer: the pools of the above are left as they are; `airflow-balancer pools` shows the difference")

    @staticmethod
    def _report(plans: Plans) -> None:
        for noun, plan in (("pools", plans.pools), ("connections", plans.connections)):
            if plan.differs():
                log.info("airflow-balancer: %s: %s", noun, plan.summary())


def find_fleets(load: Load | None = None) -> tuple[dict[str, Fleet], list[Problem]]:
    """Compose the configurations that this Airflow would sync: what section `[balancer]` names, else what is found.

    Raises:
        ConfigurationError: Section `[balancer]` is wrong.
    """
    settings, folders = read_settings(versions.option), versions.dag_folders()
    sources, problems = _sources(settings, folders, take_snapshot(watched_roots(settings, folders)))
    fleets, wrong = load_sources(sources, load or _load_fleet)
    return fleets, [*problems, *wrong]


def _sources(settings: BalancerSettings, folders: Sequence[Path], snapshot: Snapshot) -> tuple[list[Source], list[Problem]]:
    if source := named_source(settings, folders):
        return [source], []
    sources, problems = find_sources(snapshot)
    if snapshot.limit:
        where = ", ".join(map(str, snapshot.roots))
        problems.append(Problem(f"looking for configurations ended after {snapshot.limit}; name yours in [balancer] config_path", where))
    return sources, problems


def _load_fleet(path: Path, overrides: Sequence[str]) -> Fleet:
    from ..hydra.compose import load_fleet

    with without_code_of(versions.dag_folders()):
        return load_fleet(path, overrides)


@contextmanager
def without_code_of(folders: Sequence[Path]) -> Iterator[None]:
    """Keep Python modules out of reach that stand beside the DAGs: Airflow 2 has them on the path, and Hydra imports plugins."""
    path = sys.path[:]
    closed = [folder.resolve() for folder in folders]
    sys.path[:] = [entry for entry in path if not any(Path(entry).resolve().is_relative_to(folder) for folder in closed)]
    try:
        yield
    finally:
        sys.path[:] = path


def _refusal(error: Exception) -> str:
    original = getattr(error, "orig", None)
    if original is not None:
        return f"{metadata.refusal(original)}; once that is mended, a run that starts tries again"
    if isinstance(error, BalancerError):
        return str(error)
    return f"failed with {type(error).__name__}: {error}; set [balancer] sync = false to go without"
