"""The listener: creates pools when a scheduler starts, and updates them when a DAG run starts or a file changes.

A failure here never stops a scheduler: it is caught, and logged once. The first call imports the rest.
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
    """Log the first failure outside of Sync, such as a broken installation."""
    global _failed  # noqa: PLW0603 once per process
    try:
        yield
    except Exception:
        if not _failed:
            _failed = True
            text = "airflow-balancer: makes no pools here; set [balancer] sync = false to go without"
            logging.getLogger("airflow_balancer").exception(text)


@hookimpl
def on_starting(component: object) -> None:
    """Create the pools when a scheduler, dag-processor or triggerer starts, but not in a task's process."""
    global _task_process  # noqa: PLW0603 once a process runs a task, it stays a task's process
    with _harmless():
        from .versions import is_job, is_task_marker

        _task_process = _task_process or is_task_marker(component)
        if is_job(component) and not _task_process:
            _sync().at_start()
            from .watch import watch

            watch(component, _sync())


@hookimpl
def on_dag_run_running(dag_run: object) -> None:
    """Update the pools if a file changed, before the scheduler looks at the tasks of a DAG run."""
    if not _task_process:
        with _harmless():
            _sync().at_run(dag_run)
