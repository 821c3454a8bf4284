"""The running task, in Airflow 2.11 and 3: its attempt, and how it waits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..errors import ConfigurationError
from ..picking.choice import index_key


@dataclass(frozen=True)
class Attempt:
    """One attempt of a task.

    Attributes:
        key: Identifies the task, and decides the ranking of the hosts.
        number: The number of the attempt, from 1.
        task: The task's name in messages; empty outside of a task.
        pool: The pool of the task.
        slots: The slots that the task takes in its pool.
        index: The index of a mapped task, if each index ranks the hosts for itself; else -1.
    """

    key: str
    number: int = 1
    task: str = ""
    pool: str = ""
    slots: int = 1
    index: int = -1

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.task or self.key}"


def attempt_of(context: Mapping[str, Any] | None, key: str | None) -> Attempt:
    """Return the attempt of a task's context.

    Args:
        context: The context of the running task; None outside of a task, which counts as attempt 1.
        key: Identifies the task, for all indices of a mapped one; default: `<dag_id>.<task_id>` and the index.

    Raises:
        ConfigurationError: There is neither a task nor a key.
    """
    if context is None:
        if not key:
            raise ConfigurationError("outside of a task a BalancedSSHHook needs key=..., which decides the ranking of its hosts")
        return Attempt(key)
    ti, task = context["ti"], f"{context['ti'].dag_id}.{context['ti'].task_id}"
    index: int = -1 if (given := getattr(ti, "map_index", None)) is None else given
    named = task if index < 0 else index_key(task, index)
    # In Airflow 2, the policy can change an attempt's pool when it starts.
    counted = getattr(ti, "pool", None) or context["task"].pool, context["task"].pool_slots
    return Attempt(key or task, max(ti.try_number, 1), named, *counted, index=-1 if key else index)


def current_context() -> Mapping[str, Any] | None:
    """Return the context of the running task, or None outside of a task."""
    try:
        from airflow.sdk import get_current_context
    except ImportError:
        from airflow.operators.python import get_current_context
    from airflow.exceptions import AirflowException

    try:
        context: Mapping[str, Any] = get_current_context()
    except (AirflowException, RuntimeError):
        return None
    return context


def waiting_since(context: Mapping[str, Any]) -> datetime | None:
    """Return when an attempt first started, or None if it was never rescheduled."""
    ti = context["ti"]
    if hasattr(ti, "get_first_reschedule_date"):
        since: datetime | None = ti.get_first_reschedule_date(context)
        return since
    from airflow.sensors.base import _orig_start_date

    started: datetime | None = _orig_start_date(ti.dag_id, ti.task_id, ti.run_id, ti.map_index, ti.try_number)
    return started


def rescheduled(seconds: float) -> Exception:
    """Return the exception that ends this run of a task, and reschedules the same attempt after some seconds.

    Airflow 2 respects the time only for sensors, and would start any other task at once, so there this function sleeps.
    """
    from airflow import __version__
    from airflow.exceptions import AirflowRescheduleException

    if __version__.startswith("2."):
        time.sleep(seconds)
        seconds = 0
    exception: Exception = AirflowRescheduleException(datetime.now(UTC) + timedelta(seconds=seconds))
    return exception
