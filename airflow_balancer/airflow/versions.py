"""Every difference between Airflow 2.11 and 3, and everything that is read from Airflow itself; for a running task see `ssh/task.py`."""

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
"""Why a task is retried whose host could not be reached, as Airflow keeps it."""
_LOCAL_BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"


def has_airflow() -> bool:
    """Return whether Airflow is installed here."""
    # Not `airflow` alone: any folder of that name on the path would do.
    return find_spec("airflow") is not None and find_spec("airflow.models") is not None


def option(key: str) -> str | None:
    """Return an option of section `[balancer]` of airflow.cfg, or None where it is not given."""
    from airflow.configuration import conf

    value = conf.get("balancer", key, fallback=None)
    return str(value) if value not in (None, "") else None


def is_job(component: object) -> bool:
    """Return whether a listener's component is the job of a scheduler, a dag-processor or a triggerer."""
    return type(component).__name__ == "Job"


def is_task_marker(component: object) -> bool:
    """Return whether a listener's component says that this process runs a task.

    In Airflow 2 such a process makes a job next, which nothing else tells from a scheduler's.
    """
    return type(component).__name__ in ("TaskCommandMarker", "TaskRunnerMarker")


def engine() -> Engine:
    """Return the engine of the metadata database.

    Raises:
        RuntimeError: This process has no metadata database, such as a task's in Airflow 3.
    """
    from airflow import settings

    # Airflow 3 takes the attribute away from tasks and DAG files; configuring it anew then says so.
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
    """Return whether this Airflow runs with `[core] multi_team`, and its pools have a team by name, as from 3.3 on."""
    from airflow.configuration import conf
    from airflow.models.pool import Pool

    return hasattr(Pool, "team_name") and bool(conf.getboolean("core", "multi_team", fallback=False))


def cipher() -> Cipher:
    """Return what encrypts the secrets of Airflow's connections."""
    from airflow.models.crypto import get_fernet

    return get_fernet()  # type: ignore[no-any-return]


def parses_dags(job: object) -> bool:
    """Return whether the process of a job parses the DAG files, itself or in processes that it starts."""
    # Read past SQLAlchemy, which may ask the database: this is called in a thread that does not own the job.
    kind = vars(job).get("job_type")
    if kind != "SchedulerJob":
        return kind == "DagProcessorJob"
    from airflow.configuration import conf

    return conf.getboolean("scheduler", "standalone_dag_processor", fallback=True) is False


def dag_folders() -> list[Path]:
    """Return the folders with DAG files on this machine: Airflow 2's DAGs folder, or those of Airflow 3's DAG bundles.

    Nothing is fetched. The folders of bundles that are not local are where Airflow checks them out on this machine.
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
    """Return where bundles are checked out, looked up once: making a bundle may read a connection of the metadata database."""
    found: list[Path] = []
    for name in names:
        try:
            from airflow.dag_processing.bundles.manager import DagBundlesManager

            found.append(Path(DagBundlesManager().get_bundle(name).path))
        except Exception as error:  # Airflow says what is wrong with it; here it might show what is secret in its arguments
            text = "airflow-balancer: no configuration is looked for in DAG bundle %r (%s); name yours in [balancer] config_path"
            logging.getLogger("airflow_balancer").warning(text, name, type(error).__name__)
    return tuple(found)


def retry_elsewhere(error: type[Exception], hosts: Callable[[], Sequence[object]]) -> Any:
    """Return a `retry_policy` whose retries after an error follow at once until each host had one; None before Airflow 3.3."""
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
