"""The answers of the API that come from Airflow's database."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class PoolRow(BaseModel):
    """A pool; `change` is what is not as configured, `slots` what Airflow has, `wanted` what is configured."""

    change: Literal["create", "update", "orphaned", "kept", "missing", "same"]
    name: str
    slots: int | None
    wanted: int | None
    note: str


class PoolsAnswer(BaseModel):
    """How Airflow's pools differ; `why` says why they cannot be read, if they are not available.

    `command` makes them agree, `prune` also deletes the orphaned ones; it is empty where there is none. `same` are the others.
    """

    available: bool
    why: str = ""
    changes: list[PoolRow] = Field(default_factory=list)
    same: list[PoolRow] = Field(default_factory=list)
    unchanged: int = 0
    command: str
    prune: str = ""


class OccupancyRow(BaseModel):
    """The slots of a pool by what is in them; None stands for infinitely many."""

    total: int | None
    running: int
    queued: int
    deferred: int
    scheduled: int
    open: int | None


class OccupancyAnswer(BaseModel):
    """The live occupancy of all pools."""

    available: bool
    why: str = ""
    pools: dict[str, OccupancyRow] = Field(default_factory=dict)


class HealthRow(BaseModel):
    """How the attempts in a pool went in the last day, and in each hour of it, the oldest first.

    `failing` is how many failed since the last success. None stands for what this Airflow does not know; `wait` is the
    median of the seconds until a slot was free.
    """

    attempts: int
    failures: int
    unreachable: int | None
    failing: int
    last_success: datetime | None
    wait: float | None
    hourly_attempts: list[int]
    hourly_failures: list[int]


class HealthAnswer(BaseModel):
    """The health of each of a configuration's pools in which an attempt began in the last day."""

    available: bool
    why: str = ""
    pools: dict[str, HealthRow] = Field(default_factory=dict)


class TaskRow(BaseModel):
    """A task of a DAG."""

    dag_id: str
    task_id: str


class TaskPlace(BaseModel):
    """A task, or an index of a mapped one: where it runs, why, and its latest attempt, whose page is at `path` below Airflow."""

    dag_id: str
    task_id: str
    map_index: int
    pool: str
    kind: Literal["host", "port", "queue", "own"]
    hosts: list[str]
    state: str | None
    try_number: int | None
    path: str
    why: str


class HostTasks(BaseModel):
    """A host, and the tasks that are in its pool; those of a drained one are to move."""

    host: str
    pool: str
    slots: int
    tasks: list[TaskRow]
    drain: bool | str = False


class QueueTasks(BaseModel):
    """A queue that has a pool, and the tasks that are in it, whichever of its hosts they run on."""

    pool: str
    slots: int
    tasks: list[TaskRow]


class AssignmentsAnswer(BaseModel):
    """Which tasks are assigned to which host."""

    available: bool
    why: str = ""
    hosts: list[HostTasks] = Field(default_factory=list)
    queues: list[QueueTasks] = Field(default_factory=list)
    tasks: list[TaskPlace] = Field(default_factory=list)


class TaskMove(BaseModel):
    """A task that goes to other hosts than before; `why` is empty where nothing says."""

    dag_id: str
    task_id: str
    before: list[str]
    after: list[str]
    why: str


class VersionMove(TaskMove):
    """A task that one version of its DAG has on other hosts than the version before."""

    before_version: int
    version: int
    when: datetime


class MovedAnswer(BaseModel):
    """The tasks that moved within the last `versions` of each of the `dags`; `why` says why they are not known."""

    available: bool
    why: str = ""
    versions: int = 0
    dags: int = 0
    moves: list[VersionMove] = Field(default_factory=list)
