"""The tasks in each host's pool, read from the serialized DAGs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    from sqlalchemy.engine import Connection

    from ..airflow.serialized import SerializedTask


def assignments(catalogue: Catalogue, query: ConfigurationQuery, readable: Collection[str] | None = None) -> AssignmentsAnswer:
    """Return the tasks in each host's pool, or why the metadata database cannot be read.

    The page shows only DAGs that Airflow's login lets the user read: the `readable` ones, or all for None.
    """
    opened = catalogue.open(query.configuration, query.environment)
    fleet = opened.fleet
    try:
        with newest_tasks(readable) as (connection, dags):
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
    for place in places:
        place.why = reasons.of(place)
    return AssignmentsAnswer(available=True, hosts=hosts, queues=queues, tasks=places)


@contextmanager
def newest_tasks(readable: Collection[str] | None) -> Iterator[tuple[Connection, dict[str, Sequence[SerializedTask]]]]:
    """Yield a connection to the metadata database, and the tasks in the newest version of each DAG that the user may read.

    Raises:
        UnavailableError: There is no Airflow or no metadata database.
    """
    if not versions.has_airflow():
        raise UnavailableError("Airflow is not installed here; open the page within Airflow to see its tasks")
    from ..airflow.database import read_connection
    from ..airflow.serialized import read_newest

    with read_connection() as connection:
        dags = read_newest(connection)
        yield connection, {dag_id: tasks for dag_id, tasks in dags.items() if readable is None or dag_id in readable}


def _by_pool(dags: Mapping[str, Sequence[SerializedTask]]) -> dict[str, list[TaskRow]]:
    pools: dict[str, list[TaskRow]] = {}
    for dag_id, tasks in dags.items():
        for task in tasks:
            pools.setdefault(task.pool, []).append(TaskRow(dag_id=dag_id, task_id=task.task_id))
    return pools
