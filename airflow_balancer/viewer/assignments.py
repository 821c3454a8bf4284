"""Which tasks are in which host's pool, read from the serialized DAGs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ..airflow import versions
from ..errors import UnavailableError
from .catalogue import Catalogue
from .explained import Reasons
from .models.airflow import AssignmentsAnswer, HostTasks, QueueTasks, TaskRow
from .models.requests import ConfigurationQuery
from .picks import picks_of
from .places import read_places

if TYPE_CHECKING:
    from ..airflow.serialized import SerializedTask

NO_AIRFLOW = "Airflow is not installed here; open the page within Airflow to see its tasks"


def assignments(catalogue: Catalogue, query: ConfigurationQuery, readable: Collection[str] | None = None) -> AssignmentsAnswer:
    """Return the tasks in each host's pool; where there is no metadata database, why.

    They are those of the Airflow that the page is in, whose login decides which DAGs are `readable`; None for all.
    """
    opened = catalogue.open(query.configuration, query.environment)
    fleet = opened.fleet
    if not versions.has_airflow():
        return AssignmentsAnswer(available=False, why=NO_AIRFLOW)
    from ..airflow.database import read_connection
    from ..airflow.serialized import read_newest

    try:
        with read_connection() as connection:
            dags = readable_only(read_newest(connection), readable)
            places = read_places(connection, fleet, dags)
    except UnavailableError as error:
        return AssignmentsAnswer(available=False, why=str(error))
    tasks = _by_pool(dags)
    drains = opened.masked([host.drain for host in fleet.hosts])
    hosts = [
        HostTasks(host=host.name, pool=host.pool_name, slots=host.pool_values["slots"], tasks=tasks.get(host.pool_name, []), drain=drain)
        for host, drain in zip(fleet.hosts, drains, strict=True)
    ]
    queues = [QueueTasks(pool=pool.name, slots=pool.slots, tasks=tasks.get(pool.name, [])) for pool in fleet.queue_pools]
    reasons = Reasons(opened.guarded(picks_of), fleet, dags)
    explained = [place.model_copy(update={"why": reasons.of(place)}) for place in places]
    return AssignmentsAnswer(available=True, hosts=hosts, queues=queues, tasks=explained)


def newest_tasks(readable: Collection[str] | None) -> dict[str, Sequence[SerializedTask]]:
    """Return the tasks of the newest version of each DAG that the user may read; none without Airflow.

    Raises:
        UnavailableError: There is no metadata database.
    """
    if not versions.has_airflow():
        return {}
    from ..airflow.database import read_connection
    from ..airflow.serialized import read_newest

    with read_connection() as connection:
        return readable_only(read_newest(connection), readable)


def readable_only(dags: Mapping[str, Sequence[SerializedTask]], readable: Collection[str] | None) -> dict[str, Sequence[SerializedTask]]:
    """Return those of the DAGs that the user may read; None for all."""
    return {dag_id: tasks for dag_id, tasks in dags.items() if readable is None or dag_id in readable}


def _by_pool(dags: Mapping[str, Sequence[SerializedTask]]) -> dict[str, list[TaskRow]]:
    pools: dict[str, list[TaskRow]] = {}
    for dag_id, tasks in dags.items():
        for task in tasks:
            pools.setdefault(task.pool, []).append(TaskRow(dag_id=dag_id, task_id=task.task_id))
    return pools
