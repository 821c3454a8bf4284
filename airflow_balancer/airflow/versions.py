"""The differences between Airflow 2.11 and 3, and all access to Airflow's own state; `ssh/task.py` has those of a running task."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection, Engine

    from .metadata import Cipher


ELSEWHERE = "the next attempt goes to another host"
"""The reason that Airflow records for a retry after an unreachable host."""
_LOCAL_BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"


def has_airflow() -> bool:
    """Return whether Airflow is installed."""
    # Any folder on the path that is named `airflow` would satisfy the first check alone.
    return find_spec("airflow") is not None and find_spec("airflow.models") is not None


def option(key: str) -> str | None:
    """Return an option of section `[balancer]` of airflow.cfg, or None if it is empty or missing."""
    from airflow.configuration import conf

    value = conf.get("balancer", key, fallback=None)
    return str(value) if value not in (None, "") else None


def is_job(component: object) -> bool:
    """Return whether a listener's component is the job of a scheduler, dag-processor or triggerer."""
    return type(component).__name__ == "Job"


def is_task_marker(component: object) -> bool:
    """Return whether a listener's component marks a process that runs a task.

    In Airflow 2 such a process next starts a job, which otherwise looks like a scheduler's.
    """
    return type(component).__name__ in ("TaskCommandMarker", "TaskRunnerMarker")


def engine() -> Engine:
    """Return the engine of the metadata database.

    Raises:
        RuntimeError: This process has no metadata database, as in Airflow 3's task processes.
    """
    from airflow import settings

    # Airflow 3 removes the attribute in tasks and DAG files; configure_orm then raises an error that says so.
    if getattr(settings, "engine", None) is None:
        settings.configure_orm()
    if settings.engine is None:
        raise RuntimeError("this process has no metadata database")
    return settings.engine  # type: ignore[no-any-return]


def session_connection(dag_run: object) -> Connection:
    """Return the connection of the session that holds a DAG run, inside its transaction."""
    from sqlalchemy.orm import object_session

    session: Any = object_session(dag_run)
    if session is None:
        raise RuntimeError("the DAG run belongs to no session")
    return session.connection()  # type: ignore[no-any-return]


def table_of(model: Any) -> Table:
    """Return the table of one of Airflow's models, for queries in SQLAlchemy Core."""
    table: Table = model.__table__
    return table


def has_teams() -> bool:
    """Return whether this Airflow runs with `[core] multi_team`, and names the team of a pool, as 3.3 does."""
    from airflow.configuration import conf
    from airflow.models.pool import Pool

    return hasattr(Pool, "team_name") and bool(conf.getboolean("core", "multi_team", fallback=False))


def cipher() -> Cipher:
    """Return the cipher of the secrets in Airflow's connections."""
    from airflow.models.crypto import get_fernet

    return get_fernet()  # type: ignore[no-any-return]


def parses_dags(job: object) -> bool:
    """Return whether a job's process parses the DAG files, itself or in child processes."""
    # Bypass SQLAlchemy, which may query the database: the calling thread does not own the job's session.
    kind = vars(job).get("job_type")
    if kind != "SchedulerJob":
        return kind == "DagProcessorJob"
    from airflow.configuration import conf

    return conf.getboolean("scheduler", "standalone_dag_processor", fallback=True) is False


def dag_folders() -> list[Path]:
    """Return the folders with DAG files on this machine: Airflow 2's DAGs folder, or those of Airflow 3's DAG bundles.

    This fetches nothing. For a bundle that is not local, it returns the folder where Airflow checks it out.
    """
    from airflow.configuration import conf

    folder = os.path.expanduser(conf.get("core", "dags_folder"))
    bundles: Any = None
    with suppress(Exception):
        bundles = json.loads(conf.get("dag_processor", "dag_bundle_config_list", fallback="null"))
    if not isinstance(bundles, list):
        return [Path(folder)]
    given = [item for item in bundles if isinstance(item, dict)]
    local = [item for item in given if item.get("classpath") == _LOCAL_BUNDLE]
    paths = [Path(str((item.get("kwargs") or {}).get("path") or folder)) for item in local]
    others = tuple(str(item.get("name")) for item in given if item not in local)
    return [*dict.fromkeys([*paths, *_checkouts(others)])]


@cache
def _checkouts(names: tuple[str, ...]) -> tuple[Path, ...]:
    """Return where bundles are checked out. Cached: creating a bundle may read a connection from the metadata database."""
    found: list[Path] = []
    for name in names:
        try:
            from airflow.dag_processing.bundles.manager import DagBundlesManager

            found.append(Path(DagBundlesManager().get_bundle(name).path))
        except Exception as error:  # log only the class: the text might show secrets in the bundle's arguments
            text = "airflow-balancer: cannot search for configurations in DAG bundle %r (%s); name yours in [balancer] config_path"
            logging.getLogger("airflow_balancer").warning(text, name, type(error).__name__)
    return tuple(found)


def retry_elsewhere(error: type[Exception], hosts: Callable[[], Sequence[object]]) -> Any:
    """Return a `retry_policy` that retries at once after an error until each host had an attempt; None before Airflow 3.3."""
    try:
        from airflow.sdk import RetryDecision, RetryPolicy
    except ImportError:
        return None

    class RetryElsewhere(RetryPolicy):
        def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> Any:  # noqa: ARG002
            if isinstance(exception, error) and try_number % len(hosts()):
                return RetryDecision.retry(timedelta(seconds=1), ELSEWHERE)
            return RetryDecision.default()

    return RetryElsewhere()
