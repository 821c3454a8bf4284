"""The listener: makes pools when a scheduler starts, and brings them up to date when a DAG run does, and when a file is edited.

Nothing here can stop a scheduler: every failure is caught, and logged once. What it needs is imported when it is first called.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from pluggy import HookimplMarker

if TYPE_CHECKING:
    from .sync import Sync


hookimpl = HookimplMarker("airflow")
_task_process = False
_failed = False


@cache
def _sync() -> Sync:
    from .sync import Sync

    return Sync()


@contextmanager
def _harmless() -> Iterator[None]:
    """Log what goes wrong outside of Sync, such as a broken installation, the first time."""
    global _failed  # noqa: PLW0603 once in each process
    try:
        yield
    except Exception:
        if not _failed:
            _failed = True
            text = "airflow-balancer: makes no pools here; set [balancer] sync = false to go without"
            logging.getLogger("airflow_balancer").exception(text)


@hookimpl
def on_starting(component: object) -> None:
    """Make the pools when a scheduler, a dag-processor or a triggerer starts; a task's process does nothing."""
    global _task_process  # noqa: PLW0603 a process becomes a task's once, and stays one
    with _harmless():
        from .versions import is_job, is_task_marker

        _task_process = _task_process or is_task_marker(component)
        if is_job(component) and not _task_process:
            _sync().at_start()
            from .watch import watch

            watch(component, _sync())


@hookimpl
def on_dag_run_running(dag_run: object) -> None:
    """Bring the pools up to date, where a file changed, before the tasks of a DAG run are looked at."""
    if not _task_process:
        with _harmless():
            _sync().at_run(dag_run)
