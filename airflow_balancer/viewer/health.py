"""The health of each host, from the attempts in its pool that Airflow's database records. It contacts no host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from statistics import median
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from ..airflow import versions
from ..airflow.target import within
from ..errors import UnavailableError
from ..files.yaml import pause_gc
from .catalogue import Catalogue
from .models.airflow import HealthAnswer, HealthRow
from .models.requests import ConfigurationQuery

if TYPE_CHECKING:
    from ..airflow.attempts import Attempt

HOURS = 24
SECONDS = 5.0
"""How long to wait for the database."""
_FRESH = 30.0
"""For how many seconds to reuse an answer."""
_kept: dict[tuple[str, ...], tuple[float, dict[str, HealthRow]]] = {}
_lock = Lock()


def health(catalogue: Catalogue, query: ConfigurationQuery) -> HealthAnswer:
    """Return the health of each pool of a configuration over the last day, or why it cannot be read."""
    fleet = catalogue.open(query.configuration, query.environment).fleet
    if not versions.has_airflow():
        return HealthAnswer(available=False, why="Airflow is not installed here; open the page within Airflow to see its attempts")
    pools = tuple(sorted(pool.name for pool in fleet.pools))
    try:
        return HealthAnswer(available=True, pools=_fresh(pools))
    except UnavailableError as error:
        return HealthAnswer(available=False, why=str(error))


def _fresh(pools: tuple[str, ...]) -> dict[str, HealthRow]:
    from ..airflow.database import open_engine

    open_engine()  # importing Airflow does not count against the deadline
    with _lock:
        since, rows = _kept.get(pools, (0.0, {}))
        if pools not in _kept or monotonic() - since > _FRESH:
            rows = within(SECONDS, "Airflow's metadata database", lambda: _read(pools))
            _kept.clear()
            _kept[pools] = monotonic(), rows
        return rows


def _read(pools: Sequence[str]) -> dict[str, HealthRow]:
    from ..airflow.attempts import DAY, read_attempts
    from ..airflow.database import read_connection

    since = datetime.now(UTC) - DAY
    with pause_gc(), read_connection(SECONDS) as connection:
        return health_of(read_attempts(connection, pools, since), pools, since)


def health_of(attempts: Iterable[Attempt], pools: Iterable[str], since: datetime) -> dict[str, HealthRow]:
    """Return the health of each of the pools in which an attempt began since a time."""
    wanted = set(pools)
    found: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.pool in wanted:
            found[attempt.pool].append(attempt)
    aware = all(its[0].start.tzinfo for its in found.values())
    return {pool: _row(its, since if aware else since.replace(tzinfo=None)) for pool, its in found.items()}


def _row(attempts: Sequence[Attempt], since: datetime) -> HealthRow:
    failed = [attempt for attempt in attempts if attempt.failed]
    known = [attempt.unreachable for attempt in attempts if attempt.unreachable is not None]
    waits = [attempt.wait for attempt in attempts if attempt.wait is not None]
    success = max((attempt.end for attempt in attempts if attempt.state == "success" and attempt.end), default=None)
    return HealthRow(
        attempts=len(attempts),
        failures=len(failed),
        unreachable=sum(known) if known else None,
        failing=sum(success is None or attempt.start > success for attempt in failed),
        last_success=success and success.replace(tzinfo=success.tzinfo or UTC),
        wait=round(median(waits), 1) if waits else None,
        hourly_attempts=_hourly(attempts, since),
        hourly_failures=_hourly(failed, since),
    )


def _hourly(attempts: Sequence[Attempt], since: datetime) -> list[int]:
    numbers = [0] * HOURS
    for attempt in attempts:
        later = attempt.start - since
        numbers[min(HOURS - 1, max(0, HOURS * later.days + later.seconds // 3600))] += 1
    return numbers
