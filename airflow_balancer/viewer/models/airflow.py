"""The API's answers from Airflow's database."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class PoolRow(BaseModel):
    """A pool: how it differs from its configuration, its slots in Airflow, and the configured slots."""

    change: Literal["create", "update", "orphaned", "kept", "missing", "same"]
    name: str
    slots: int | None
    wanted: int | None
    note: str


class PoolsAnswer(BaseModel):
    """How Airflow's pools differ from a configuration, or `why` they cannot be read.

    `command` brings them in line; `prune` also deletes orphans, and is empty without orphans. `same` are all other pools.
    """

    available: bool
    why: str = ""
    changes: list[PoolRow] = Field(default_factory=list)
    same: list[PoolRow] = Field(default_factory=list)
    unchanged: int = 0
    command: str
    prune: str = ""


class OccupancyRow(BaseModel):
    """The slots of a pool by the state of the tasks in them; None means unlimited."""

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
    """The attempts in a pool over the last day, and in each of its hours, the oldest first.

    `failing` counts the failures since the last success. `wait` is the median wait for a slot, in seconds. None means that
    this Airflow does not record the value.
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
    """A task, or an index of a mapped one: its hosts, why, and its latest attempt, whose page in Airflow is at `path`."""

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
    """A host, and the tasks in its pool. The tasks of a drained host should move."""

    host: str
    pool: str
    slots: int
    tasks: list[TaskRow]
    drain: bool | str = False


class QueueTasks(BaseModel):
    """A queue that has a pool, and the tasks in that pool, whichever of the queue's hosts they run on."""

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
    """A task that moves to other hosts; `why` is empty if unknown."""

    dag_id: str
    task_id: str
    before: list[str]
    after: list[str]
    why: str


class VersionMove(TaskMove):
    """A task that a version of its DAG moves to other hosts than the version before."""

    before_version: int
    version: int
    when: datetime


class MovedAnswer(BaseModel):
    """The tasks that moved within the last `versions` of each of the `dags`, or `why` they are unknown."""

    available: bool
    why: str = ""
    versions: int = 0
    dags: int = 0
    moves: list[VersionMove] = Field(default_factory=list)
